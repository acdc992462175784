// SPDX-License-Identifier: Apache-2.0
/* The rounding-error bound, element by element. Included by kernels_body.h. */

/* For outputs of less than 53 bits: f64 errs by less than 2^-28 of the bound. */
static void CK_NAME(bound_f32)(const ck_bound_row *row) {
  for (size_t start = 0; start < row->width; start += CK_BLOCK) {
    size_t count = row->width - start < CK_BLOCK ? row->width - start : CK_BLOCK;
    double p[CK_BLOCK] = {0}, a[CK_BLOCK] = {0};
    for (size_t r = 0; r < row->rank; r++) {
      const double *values = row->rows + r * row->width + start;
      double column = row->columns[r];
      for (size_t i = 0; i < count; i++) {
        double term = column * values[i];
        p[i] = p[i] + term;
        a[i] = a[i] + __builtin_fabs(term);
      }
    }
    const double *embedding = row->embedding + start, *output = row->output + start;
    double *restrict shares = row->shares + start;
    for (size_t i = 0; i < count; i++) {
      double e = __builtin_fabs(embedding[i]), size = __builtin_fabs(p[i]);
      double spread = row->gamma * a[i];
      double delta = spread + row->accumulator_floor + row->product_unit * (size + spread) +
                     row->product_floor;
      double bound = e * delta + row->unit * e * (size + delta) + row->floor;
      shares[i] = __builtin_fabs(output[i] - embedding[i] * p[i]) / bound;
    }
  }
}

/* left * right - product, exactly unless it underflows. */
CK_INLINE double CK_NAME(product_error)(double left, double right, double product) {
#ifdef CK_HAS_FMA
  return __builtin_fma(left, right, -product);
#else
  /* Dekker: halves of 26 bits, whose products are exact. */
  double l = left * 0x1.0000002p27, r = right * 0x1.0000002p27;
  double left_high = l - (l - left), right_high = r - (r - right);
  double left_low = left - left_high, right_low = right - right_high;
  return left_low * right_low -
         (((product - left_high * right_high) - left_low * right_high) - left_high * right_low);
#endif
}

/* left + right - sum, exactly. */
CK_INLINE double CK_NAME(sum_error)(double left, double right, double sum) {
  double part = sum - left;
  return (left - (sum - part)) + (right - part);
}

/* For f64 outputs: p in two f64 numbers. Shares are NaN outside of sizes where that is exact enough,
 * except where everything is zero. */
static void CK_NAME(bound_f64)(const ck_bound_row *row) {
  for (size_t start = 0; start < row->width; start += CK_BLOCK) {
    size_t count = row->width - start < CK_BLOCK ? row->width - start : CK_BLOCK;
    double p[CK_BLOCK] = {0}, lower[CK_BLOCK] = {0}, a[CK_BLOCK] = {0};
    for (size_t r = 0; r < row->rank; r++) {
      const double *values = row->rows + r * row->width + start;
      double column = row->columns[r];
      for (size_t i = 0; i < count; i++) {
        double term = column * values[i], sum = p[i] + term;
        lower[i] = lower[i] + (CK_NAME(product_error)(column, values[i], term) +
                               CK_NAME(sum_error)(p[i], term, sum));
        p[i] = sum;
        a[i] = a[i] + __builtin_fabs(term);
      }
    }
    const double *embedding = row->embedding + start, *output = row->output + start;
    double *restrict shares = row->shares + start;
    for (size_t i = 0; i < count; i++) {
      double e = embedding[i], size = __builtin_fabs(e);
      double high = p[i] + lower[i], low = CK_NAME(sum_error)(p[i], lower[i], high);
      double value = e * high;
      double value_low = CK_NAME(product_error)(e, high, value) + e * low;
      double delta = row->gamma * a[i];
      double bound = size * delta + row->unit * size * (__builtin_fabs(high) + delta);
      double share = __builtin_fabs((output[i] - value) - value_low) / bound;
      double most = size * a[i];
      int exact = a[i] >= 0x1p-900 && a[i] <= 0x1p900 && most >= 0x1p-900 && most <= 0x1p900;
      int zero = most == 0 && output[i] == 0;
      shares[i] = exact ? share : zero ? 0 : __builtin_nan("");
    }
  }
}

void CK_NAME(bound)(const ck_bound_row *row) {
  if (row->is_f64) {
    CK_NAME(bound_f64)(row);
  } else {
    CK_NAME(bound_f32)(row);
  }
}
