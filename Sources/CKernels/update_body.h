// SPDX-License-Identifier: Apache-2.0
/* Updates of the rows of a weight, of one instruction set in one format: included by format_body.h.
 *
 * A tile of the product stays in registers: to it are added the weights, and the results are rounded
 * and stored, while the sums of what they became are taken. The order of summation is that of columns
 * modulo 16, so that it does not depend on the size of a vector. */

/* The sums of some rows of a tile. */
typedef struct {
  CK_VECTOR changes[CK_TILE_VECTORS], added[CK_TILE_VECTORS], products[CK_TILE_VECTORS];
  CK_INTEGERS changed[CK_TILE_VECTORS];
} CK_F(tile_sums);

/* Vectors v to v + CK_VECTORS of accumulators at `source`, of which `count` numbers are there. */
CK_INLINE void CK_F(accumulators_at)(CK_VECTOR *values, const void *source, size_t count) {
  size_t all = CK_VECTORS * CK_LANES;
  if (count < all) memset(values, 0, CK_VECTORS * sizeof *values);
  memcpy(values, source, (count < all ? count : all) * sizeof(CK_ACCUMULATOR));
}

/* A register of results: those of `weights` with `changes`, or of `totals` times `factor`. */
CK_INLINE void CK_F(finish)(const ck_update_job *job, size_t place, size_t count,
                            const CK_ACCUMULATOR *sums, CK_ACCUMULATOR factor, size_t column,
                            CK_F(tile_sums) *survey, int v, const int is_total) {
  CK_VECTOR weights[CK_VECTORS], changes[CK_VECTORS], totals[CK_VECTORS];
  const char *weight = (const char *)job->weight + place * CK_SIZE;
  if (count < CK_ELEMENTS) {
    CK_F(read_part)(weights, weight, count);
  } else {
    CK_F(read)(weights, weight);
  }
  size_t part = count < CK_ELEMENTS ? count : CK_ELEMENTS;
  if (is_total) {
    CK_VECTOR factors[CK_VECTORS];
    CK_F(accumulators_at)(totals, (const CK_ACCUMULATOR *)job->totals + place, part);
    if (job->column_factors != NULL) {
      CK_F(accumulators_at)(factors, (const CK_ACCUMULATOR *)job->column_factors + column, part);
      for (size_t i = 0; i < CK_VECTORS; i++) totals[i] = factors[i] * totals[i];
    } else {
      for (size_t i = 0; i < CK_VECTORS; i++) totals[i] = factor * totals[i];
    }
    for (size_t i = 0; i < CK_VECTORS; i++) changes[i] = totals[i] - weights[i];
  } else {
    memcpy(changes, sums, sizeof changes);
    memcpy(totals, sums, sizeof totals);
    if (job->rounds_change) CK_F(round)(totals);
    for (size_t i = 0; i < CK_VECTORS; i++) totals[i] = weights[i] + totals[i];
    if (job->makes_totals) {
      memcpy((CK_ACCUMULATOR *)job->output + place, totals, part * sizeof(CK_ACCUMULATOR));
      return;
    }
  }
  CK_F(elements) results = CK_F(pack)(totals);
  char *output = (char *)job->output + place * CK_SIZE;
  if (count < CK_ELEMENTS) {
    memcpy(output, &results, count * CK_SIZE);
  } else {
    memcpy(output, &results, sizeof results);
  }
  CK_F(read)(totals, &results);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < CK_VECTORS; i++) {
    CK_VECTOR added = totals[i] - weights[i];
    survey->changes[v + i] = survey->changes[v + i] + changes[i] * changes[i];
    survey->added[v + i] = survey->added[v + i] + added * added;
    survey->products[v + i] = survey->products[v + i] + changes[i] * added;
    survey->changed[v + i] -= added != (CK_VECTOR){0};
  }
}

/* Adds products to the sums of `rows` rows of a tile: of the left factor's rows and the panel. */
CK_INLINE void CK_F(add_products)(CK_ACCUMULATOR *sums, const ck_file_accumulator *left,
                                  const CK_ACCUMULATOR *panel, size_t rank, const int rows) {
  CK_VECTOR sum[CK_TILE_ROWS][CK_TILE_VECTORS];
#pragma clang loop unroll(full)
  for (int m = 0; m < rows; m++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < CK_TILE_VECTORS; v++) {
      sum[m][v] = CK_F(sums_at)(sums + m * CK_WIDTH + v * CK_LANES);
    }
  }
  for (size_t r = 0; r < rank; r++) {
#pragma clang loop unroll(full)
    for (int m = 0; m < rows; m++) {
      CK_ACCUMULATOR factor = left[m * rank + r];
#pragma clang loop unroll(full)
      for (int v = 0; v < CK_TILE_VECTORS; v++) {
        sum[m][v] = sum[m][v] + factor * CK_F(sums_at)(panel + r * CK_WIDTH + v * CK_LANES);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int m = 0; m < rows; m++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < CK_TILE_VECTORS; v++) {
      memcpy(sums + m * CK_WIDTH + v * CK_LANES, &sum[m][v], sizeof sum[m][v]);
    }
  }
}

/* `rows` rows of a tile from place [row, column] on, of `count` columns. */
CK_INLINE void CK_F(update_tile)(const ck_update_job *job, const CK_ACCUMULATOR *panel, size_t row,
                                 size_t column, size_t count, CK_F(tile_sums) *survey,
                                 const int rows) {
  CK_ACCUMULATOR sums[CK_TILE_ROWS * CK_WIDTH];
  memset(sums, 0, rows * CK_WIDTH * sizeof *sums);
  if (job->addend != NULL) {
    for (int m = 0; m < rows; m++) {
      memcpy(sums + m * CK_WIDTH,
             (const char *)job->addend + ((row + m) * job->width + column) * sizeof *sums,
             count * sizeof *sums);
    }
  }
  const ck_file_accumulator *left = (const ck_file_accumulator *)job->left + row * job->rank;
  CK_F(add_products)(sums, left, panel, job->rank, rows);
  for (int m = 0; m < rows; m++) {
    size_t place = (row + m) * job->width + column;
    const CK_ACCUMULATOR *from = sums + m * CK_WIDTH;
    if (count == CK_WIDTH) {
#pragma clang loop unroll(full)
      for (int v = 0; v < CK_TILE_VECTORS; v += CK_VECTORS) {
        CK_F(finish)(job, place + v * CK_LANES, CK_ELEMENTS, from + v * CK_LANES, 1, 0, survey, v, 0);
      }
    } else {
      for (size_t v = 0; v * CK_LANES < count; v += CK_VECTORS) {
        CK_F(finish)(job, place + v * CK_LANES, count - v * CK_LANES, from + v * CK_LANES, 1, 0, survey,
                     (int)v, 0);
      }
    }
  }
}

/* The same columns of rows that were normalized. */
static void CK_F(scale_tile)(const ck_update_job *job, size_t row, size_t rows, size_t column,
                             size_t count, CK_F(tile_sums) *survey) {
  for (size_t m = row; m < row + rows; m++) {
    CK_ACCUMULATOR factor =
        job->row_factors == NULL ? 1 : ((const ck_file_accumulator *)job->row_factors)[m];
    for (size_t v = 0; v * CK_LANES < count; v += CK_VECTORS) {
      CK_F(finish)(job, m * job->width + column + v * CK_LANES, count - v * CK_LANES, NULL, factor,
                   column + v * CK_LANES, survey, (int)v, 1);
    }
  }
}

/* A tile of the right factor: panel[rank][CK_WIDTH], with zeros beyond the width. */
static void CK_F(pack_right)(const ck_update_job *job, CK_ACCUMULATOR *panel, size_t column,
                             size_t count) {
  for (size_t r = 0; r < job->rank; r++, panel += CK_WIDTH) {
    if (count < CK_WIDTH) memset(panel, 0, CK_WIDTH * sizeof *panel);
    memcpy(panel, (const CK_ACCUMULATOR *)job->right + r * job->width + column,
           count * sizeof *panel);
  }
}

static void CK_F(update)(const ck_update_job *job, const ck_update_share *share,
                         CK_ACCUMULATOR *panel, ck_update_sums *sums) {
  memset(sums, 0, sizeof *sums);
  for (size_t column = share->column; column < share->column_end; column += CK_WIDTH) {
    size_t left = share->column_end - column, count = left < CK_WIDTH ? left : CK_WIDTH;
    CK_F(tile_sums) survey;
    memset(&survey, 0, sizeof survey);
    if (job->totals != NULL) {
      CK_F(scale_tile)(job, share->row, share->end - share->row, column, count, &survey);
    } else {
      CK_F(pack_right)(job, panel, column, count);
      size_t row = share->row;
      for (; row + CK_TILE_ROWS <= share->end; row += CK_TILE_ROWS) {
        CK_F(update_tile)(job, panel, row, column, count, &survey, CK_TILE_ROWS);
      }
      for (; row < share->end; row++) {
        CK_F(update_tile)(job, panel, row, column, count, &survey, 1);
      }
    }
    for (size_t v = 0; v < CK_TILE_VECTORS && v * CK_LANES < count; v++) {
      /* Of the padding, an infinite factor makes NaN. */
      for (size_t i = 0; i < CK_LANES && v * CK_LANES + i < count; i++) {
        size_t lane = (column + v * CK_LANES + i) % ck_update_lanes;
        sums->changes[lane] += (double)survey.changes[v][i];
        sums->added[lane] += (double)survey.added[v][i];
        sums->products[lane] += (double)survey.products[v][i];
        sums->changed += (size_t)survey.changed[v][i];
      }
    }
  }
}
