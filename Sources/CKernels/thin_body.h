// SPDX-License-Identifier: Apache-2.0
/* Products of a matrix and one of few columns, and rotations of the columns of a small matrix, in f64.
 * Included by kernels_body.h. Every sum has a fixed order, whatever the size of a vector: all sets
 * compute the same bits. */

/* A tile of the product: `rows` rows, `vectors` vectors of columns. */
CK_INLINE void CK_NAME(thin_tile)(const ck_thin_job *job, const double *matrix, const double *right,
                                  double *out, const int rows, const int vectors) {
  CK_NAME(v64) sums[CK_TILE_ROWS][CK_TILE_VECTORS];
  size_t width = job->width;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) memcpy(sums[r], out + r * width, vectors * sizeof sums[0][0]);
  for (size_t t = 0; t < job->depth; t++) {
    CK_NAME(v64) line[CK_TILE_VECTORS];
    memcpy(line, right + t * width, vectors * sizeof line[0]);
    const double *elements = matrix + t * job->step;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      double element = elements[r * job->row_step];
#pragma clang loop unroll(full)
      for (int n = 0; n < vectors; n++) sums[r][n] += line[n] * element;
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) memcpy(out + r * width, sums[r], vectors * sizeof sums[0][0]);
}

/* The tiles of some columns. */
CK_INLINE void CK_NAME(thin_columns)(const ck_thin_job *job, size_t column, const int vectors) {
  size_t row = 0;
  for (; row + CK_TILE_ROWS <= job->rows; row += CK_TILE_ROWS) {
    CK_NAME(thin_tile)(job, job->matrix + row * job->row_step, job->right + column,
                       job->out + row * job->width + column, CK_TILE_ROWS, vectors);
  }
  for (; row < job->rows; row++) {
    CK_NAME(thin_tile)(job, job->matrix + row * job->row_step, job->right + column,
                       job->out + row * job->width + column, 1, vectors);
  }
}

void CK_NAME(thin_product)(const ck_thin_job *job) {
  enum { lanes = CK_VECTOR_BYTES / 8, tile = lanes * CK_TILE_VECTORS };
  size_t column = 0;
  for (; column + tile <= job->width; column += tile) {
    CK_NAME(thin_columns)(job, column, CK_TILE_VECTORS);
  }
  for (; column + 2 * lanes <= job->width; column += 2 * lanes) CK_NAME(thin_columns)(job, column, 2);
  for (; column < job->width; column += lanes) CK_NAME(thin_columns)(job, column, 1);
}

CK_INLINE double CK_NAME(sum_of)(const CK_NAME(v8) *v) {
  return (((*v)[0] + (*v)[4]) + ((*v)[2] + (*v)[6])) + (((*v)[1] + (*v)[5]) + ((*v)[3] + (*v)[7]));
}

static void CK_NAME(rotate)(double *first, double *second, size_t height, double cosine, double sine) {
  for (size_t i = 0; i < height; i += 8) {
    CK_NAME(v8) x, y, left, right;
    memcpy(&x, first + i, sizeof x);
    memcpy(&y, second + i, sizeof y);
    left = x * cosine - y * sine;
    right = x * sine + y * cosine;
    memcpy(first + i, &left, sizeof left);
    memcpy(second + i, &right, sizeof right);
  }
}

void CK_NAME(jacobi_sweep)(const ck_jacobi_job *job, size_t *rotations) {
  for (size_t first = 0; first + 1 < job->count; first++) {
    for (size_t second = first + 1; second < job->count; second++) {
      double *left = job->columns + first * job->height, *right = job->columns + second * job->height;
      CK_NAME(v8) squares = {0}, others = {0}, products = {0};
      for (size_t i = 0; i < job->height; i += 8) {
        CK_NAME(v8) x, y;
        memcpy(&x, left + i, sizeof x);
        memcpy(&y, right + i, sizeof y);
        squares += x * x;
        others += y * y;
        products += x * y;
      }
      double alpha = CK_NAME(sum_of)(&squares), beta = CK_NAME(sum_of)(&others);
      double gamma = CK_NAME(sum_of)(&products);
      if (!(__builtin_fabs(gamma) > 0x1p-52 * __builtin_sqrt(alpha * beta))) continue;
      double zeta = (beta - alpha) / (2 * gamma);
      double root = __builtin_fabs(zeta) + __builtin_sqrt(1 + zeta * zeta);
      double tangent = zeta < 0 ? -1 / root : 1 / root;
      double cosine = 1 / __builtin_sqrt(1 + tangent * tangent), sine = cosine * tangent;
      CK_NAME(rotate)(left, right, job->height, cosine, sine);
      CK_NAME(rotate)(job->vectors + first * job->size, job->vectors + second * job->size, job->size,
                      cosine, sine);
      *rotations += 1;
    }
  }
}
