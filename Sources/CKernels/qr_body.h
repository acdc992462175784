// SPDX-License-Identifier: Apache-2.0
/* Householder reflections of a triangle with a block of rows below it. Included by kernels_body.h.
 *
 * Columns are taken eight at a time, as a panel: its reflections are computed one by one, and applied
 * to the other columns at once, as I - V T V'. Every sum is over rows in ascending order (in a panel
 * four sums, of every fourth row), whatever the size of a vector: all sets compute the same bits. */

/* A row of a panel. */
typedef double CK_NAME(v8) __attribute__((vector_size(64)));

/* Takes the rows of one panel to zero. `rows` are those of the panel, `width` numbers apart; they
 * become V. `top` is the panel's square of the triangle; t is T, [8, 8]. */
static void CK_NAME(qr_panel)(double *top, double *rows, size_t count, size_t width, double *t) {
  CK_NAME(v8) sums[4] = {{0}, {0}, {0}, {0}};
  for (size_t i = 0; i < count; i++) {
    CK_NAME(v8) row;
    memcpy(&row, rows + i * width, sizeof row);
    sums[i & 3] += row * row[0];
  }
  memset(t, 0, 64 * sizeof(double));
#pragma clang loop unroll(full)
  for (int j = 0; j < 8; j++) {
    /* Of column j with each column. */
    CK_NAME(v8) dots = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double *line = top + (size_t)j * width;
    double head = line[j], below = dots[j];
    CK_NAME(v8) weights = {0}, scales = {1, 1, 1, 1, 1, 1, 1, 1};
    if (below > 0) {
      double norm = __builtin_sqrt(head * head + below);
      double beta = head < 0 ? norm : -norm;
      double tau = (beta - head) / beta, scale = 1 / (head - beta);
      line[j] = beta;
      scales[j] = scale;
      for (int c = j + 1; c < 8; c++) {
        double weight = tau * (line[c] + dots[c] * scale);
        line[c] -= weight;
        weights[c] = weight * scale;
      }
      for (int c = 0; c < j; c++) {
        double sum = 0;
        for (int d = c; d < j; d++) sum = sum + t[c * 8 + d] * (dots[d] * scale);
        t[c * 8 + j] = -tau * sum;
      }
      t[j * 8 + j] = tau;
    }
    for (int n = 0; n < 4; n++) sums[n] = (CK_NAME(v8)){0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
#pragma clang loop unroll(full)
      for (int n = 0; n < 4; n++) {
        CK_NAME(v8) row;
        memcpy(&row, rows + (i + n) * width, sizeof row);
        row = row * scales - weights * row[j];
        memcpy(rows + (i + n) * width, &row, sizeof row);
        if (j < 7) sums[n] += row * row[j + 1];
      }
    }
    for (; i < count; i++) {
      CK_NAME(v8) row;
      memcpy(&row, rows + i * width, sizeof row);
      row = row * scales - weights * row[j];
      memcpy(rows + i * width, &row, sizeof row);
      if (j < 7) sums[i & 3] += row * row[j + 1];
    }
  }
}

/* Applies the reflections of a panel to `vectors` vectors of columns: `top` are eight rows of the
 * matrix above, `rows` those below, both with `stride`. V has rows `width` numbers apart. */
CK_INLINE void CK_NAME(qr_apply)(const double *v, size_t width, const double *t, int is_transposed,
                                 double *top, double *rows, size_t count, size_t stride,
                                 const int vectors) {
  CK_NAME(v64) sums[8][CK_QR_VECTORS];
  enum { lanes = CK_VECTOR_BYTES / 8 };
#pragma clang loop unroll(full)
  for (int first = 0; first < 8; first += CK_QR_SUMS) {
    CK_NAME(v64) part[CK_QR_SUMS][CK_QR_VECTORS];
#pragma clang loop unroll(full)
    for (int c = 0; c < CK_QR_SUMS; c++) {
#pragma clang loop unroll(full)
      for (int n = 0; n < vectors; n++) part[c][n] = (CK_NAME(v64)){0};
    }
    for (size_t i = 0; i < count; i++) {
      CK_NAME(v64) row[CK_QR_VECTORS];
      memcpy(row, rows + i * stride, vectors * sizeof row[0]);
#pragma clang loop unroll(full)
      for (int c = 0; c < CK_QR_SUMS; c++) {
#pragma clang loop unroll(full)
        for (int n = 0; n < vectors; n++) part[c][n] += row[n] * v[i * width + first + c];
      }
    }
#pragma clang loop unroll(full)
    for (int c = 0; c < CK_QR_SUMS; c++) {
#pragma clang loop unroll(full)
      for (int n = 0; n < vectors; n++) sums[first + c][n] = part[c][n];
    }
  }
  for (int c = 0; c < 8; c++) {
    for (int n = 0; n < vectors; n++) {
      CK_NAME(v64) line;
      memcpy(&line, top + c * stride + n * lanes, sizeof line);
      sums[c][n] += line;
    }
  }
  CK_NAME(v64) weights[8][CK_QR_VECTORS];
  for (int c = 0; c < 8; c++) {
    for (int n = 0; n < vectors; n++) {
      CK_NAME(v64) sum = {0}, line;
      for (int d = 0; d < 8; d++) sum += sums[d][n] * (is_transposed ? t[d * 8 + c] : t[c * 8 + d]);
      weights[c][n] = sum;
      memcpy(&line, top + c * stride + n * lanes, sizeof line);
      line -= sum;
      memcpy(top + c * stride + n * lanes, &line, sizeof line);
    }
  }
  for (size_t i = 0; i < count; i++) {
    CK_NAME(v64) row[CK_QR_VECTORS];
    memcpy(row, rows + i * stride, vectors * sizeof row[0]);
#pragma clang loop unroll(full)
    for (int c = 0; c < 8; c++) {
#pragma clang loop unroll(full)
      for (int n = 0; n < vectors; n++) row[n] -= weights[c][n] * v[i * width + c];
    }
    memcpy(rows + i * stride, row, vectors * sizeof row[0]);
  }
}

/* The same for all columns from `first`. */
static void CK_NAME(qr_apply_all)(const double *v, size_t width, const double *t, int is_transposed,
                                  double *top, double *rows, size_t count, size_t stride,
                                  size_t first) {
  enum { lanes = CK_VECTOR_BYTES / 8, tile = lanes * CK_QR_VECTORS };
  size_t column = first;
  for (; column + tile <= stride; column += tile) {
    CK_NAME(qr_apply)(v, width, t, is_transposed, top + column, rows + column, count, stride, CK_QR_VECTORS);
  }
  for (; column < stride; column += lanes) {
    CK_NAME(qr_apply)(v, width, t, is_transposed, top + column, rows + column, count, stride, 1);
  }
}

void CK_NAME(qr_reduce)(const ck_qr_block *block, double *triangle) {
  for (size_t p = 0; p < block->width; p += 8) {
    double *top = triangle + p * block->width, *v = block->rows + p, *t = block->factors + p * 8;
    CK_NAME(qr_panel)(top + p, v, block->count, block->width, t);
    CK_NAME(qr_apply_all)(v, block->width, t, 1, top, block->rows, block->count, block->width, p + 8);
  }
}

void CK_NAME(qr_expand)(const ck_qr_block *block, double *top, double *rows, size_t stride) {
  for (size_t p = block->width; p > 0; p -= 8) {
    const double *v = block->rows + p - 8, *t = block->factors + (p - 8) * 8;
    CK_NAME(qr_apply_all)(v, block->width, t, 0, top + (p - 8) * stride, rows, block->count, stride, 0);
  }
}
