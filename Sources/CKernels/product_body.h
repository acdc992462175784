// SPDX-License-Identifier: Apache-2.0
/* Products of matrices of f64 with the magnitudes that bound their rounding errors. Included by
 * kernels_body.h, after bound_body.h. */

/* Columns start to start + count, at most a block, of one row. */
static void CK_NAME(product_row)(const ck_product_job *job, size_t row, size_t start, size_t count) {
  double p[CK_BLOCK] = {0}, a[CK_BLOCK] = {0};
  const double *left = job->left + row * job->rank;
  for (size_t r = 0; r < job->rank; r++) {
    double factor = left[r], size = __builtin_fabs(factor);
    const double *right = job->right + r * job->width + start;
    const double *sizes = job->right_magnitudes + r * job->width + start;
    for (size_t i = 0; i < count; i++) {
      p[i] = p[i] + factor * right[i];
      a[i] = a[i] + size * sizes[i];
    }
  }
  size_t place = row * job->width + start;
  memcpy(job->values + place, p, count * sizeof(double));
  memcpy(job->magnitudes + place, a, count * sizeof(double));
}

/* The same with sums in two f64 numbers. */
static void CK_NAME(product_row_extended)(const ck_product_job *job, size_t row, size_t start,
                                          size_t count) {
  double p[CK_BLOCK] = {0}, lower[CK_BLOCK] = {0}, a[CK_BLOCK] = {0};
  const double *left = job->left + row * job->rank;
  const double *left_lower = job->left_lower + row * job->rank;
  for (size_t r = 0; r < job->rank; r++) {
    double factor = left[r], factor_lower = left_lower[r], size = __builtin_fabs(factor);
    const double *right = job->right + r * job->width + start;
    const double *right_lower = job->right_lower + r * job->width + start;
    const double *sizes = job->right_magnitudes + r * job->width + start;
    for (size_t i = 0; i < count; i++) {
      double term = factor * right[i], sum = p[i] + term;
      double rest = factor * right_lower[i] + factor_lower * right[i];
      lower[i] = lower[i] + ((CK_NAME(product_error)(factor, right[i], term) + rest) +
                             CK_NAME(sum_error)(p[i], term, sum));
      p[i] = sum;
      a[i] = a[i] + size * sizes[i];
    }
  }
  size_t place = row * job->width + start;
  for (size_t i = 0; i < count; i++) {
    double high = p[i] + lower[i];
    job->values[place + i] = high;
    job->lower[place + i] = CK_NAME(sum_error)(p[i], lower[i], high);
  }
  memcpy(job->magnitudes + place, a, count * sizeof(double));
}

void CK_NAME(product)(const ck_product_job *job) {
  for (size_t start = 0; start < job->width; start += CK_BLOCK) {
    size_t count = job->width - start < CK_BLOCK ? job->width - start : CK_BLOCK;
    for (size_t row = 0; row < job->rows; row++) {
      if (job->lower != NULL) {
        CK_NAME(product_row_extended)(job, row, start, count);
      } else {
        CK_NAME(product_row)(job, row, start, count);
      }
    }
  }
}
