/* The kernels of one instruction set: included by kernels_*.c, which define CK_NAME(name) and, where
 * the CPU converts F16 itself, CK_F16_LANES with the two functions over that many elements, and CK_HAS_FMA.
 *
 * A row is done in blocks that stay in the first-level cache: convert, accumulate, multiply, store.
 * The product of the factors exists for one block at a time. Order of summation: r ascending, one
 * accumulator per element, starting with the first product. */

enum { CK_NAME(block) = 256 };
#define CK_BLOCK CK_NAME(block)

/* F16 -> F32. */
static void CK_NAME(widen_f16)(float *restrict target, const ck_file_u16 *restrict source,
                               size_t count) {
  size_t i = 0;
#ifdef CK_F16_LANES
  for (; i + CK_F16_LANES <= count; i += CK_F16_LANES) CK_NAME(widen_lanes)(target + i, source + i);
#endif
  for (; i < count; i++) target[i] = ck_f32_from_f16(source[i]);
}

/* F32 -> F16. */
static void CK_NAME(narrow_f16)(ck_file_u16 *restrict target, const float *restrict source,
                                size_t count) {
  size_t i = 0;
#ifdef CK_F16_LANES
  for (; i + CK_F16_LANES <= count; i += CK_F16_LANES) CK_NAME(narrow_lanes)(target + i, source + i);
#endif
  for (; i < count; i++) target[i] = ck_f16_from_f32(source[i]);
}

/* F32 -> F32 of the values that a half type can hold. */
static void CK_NAME(round_block)(float *values, size_t count, int format) {
  if (format == ck_bf16) {
    for (size_t i = 0; i < count; i++) values[i] = ck_f32_from_bf16(ck_bf16_from_f32(values[i]));
  } else if (format == ck_f16) {
    uint16_t halves[CK_BLOCK];
    CK_NAME(narrow_f16)(halves, values, count);
    CK_NAME(widen_f16)(values, halves, count);
  }
}

/* At most a block of any format -> F32, rounded to nearest. */
static void CK_NAME(load_f32)(float *restrict target, const void *restrict source, int format,
                              size_t count) {
  switch (format) {
  case ck_f64:
    for (size_t i = 0; i < count; i++) target[i] = (float)((const ck_file_f64 *)source)[i];
    break;
  case ck_f32: memcpy(target, source, count * sizeof(float)); break;
  case ck_bf16:
    for (size_t i = 0; i < count; i++) {
      target[i] = ck_f32_from_bf16(((const ck_file_u16 *)source)[i]);
    }
    break;
  default: CK_NAME(widen_f16)(target, source, count);
  }
}

/* At most a block of any format -> F64, exactly. */
static void CK_NAME(load_f64)(double *restrict target, const void *restrict source, int format,
                              size_t count) {
  if (format == ck_f64) {
    memcpy(target, source, count * sizeof(double));
    return;
  }
  float values[CK_BLOCK];
  CK_NAME(load_f32)(values, source, format, count);
  for (size_t i = 0; i < count; i++) target[i] = (double)values[i];
}

static void CK_NAME(store_f32)(void *restrict target, int format, const float *restrict source,
                               size_t count) {
  switch (format) {
  case ck_f32: memcpy(target, source, count * sizeof(float)); break;
  case ck_bf16:
    for (size_t i = 0; i < count; i++) ((ck_file_u16 *)target)[i] = ck_bf16_from_f32(source[i]);
    break;
  default: CK_NAME(narrow_f16)(target, source, count);
  }
}

/* Any format -> the values of the output's format, as F32. */
CK_INLINE void CK_NAME(operand)(float *restrict target, const void *restrict source, int format,
                                size_t start, size_t count, int output_format) {
  CK_NAME(load_f32)(target, (const char *)source + start * ck_size(format), format, count);
  if (format != output_format) CK_NAME(round_block)(target, count, output_format);
}

static void CK_NAME(forward_f32)(const ck_forward_row *row) {
  float sum[CK_BLOCK], values[CK_BLOCK], column;
  int format = row->output_format;
  for (size_t start = 0; start < row->width; start += CK_BLOCK) {
    size_t count = row->width - start < CK_BLOCK ? row->width - start : CK_BLOCK;
    if (row->rank == 0) memset(sum, 0, sizeof sum);
    for (size_t r = 0; r < row->rank; r++) {
      CK_NAME(operand)(&column, row->columns, row->columns_format, r, 1, format);
      CK_NAME(operand)(values, row->rows, row->rows_format, r * row->width + start, count, format);
      if (r == 0) {
        for (size_t i = 0; i < count; i++) sum[i] = column * values[i];
      } else {
        for (size_t i = 0; i < count; i++) sum[i] = sum[i] + column * values[i];
      }
    }
    CK_NAME(round_block)(sum, count, format);
    CK_NAME(operand)(values, row->embedding, row->embedding_format, start, count, format);
    for (size_t i = 0; i < count; i++) sum[i] = ck_canonical_f32(values[i] * sum[i]);
    CK_NAME(store_f32)((char *)row->output + start * ck_size(format), format, sum, count);
  }
}

static void CK_NAME(forward_f64)(const ck_forward_row *row) {
  double sum[CK_BLOCK], values[CK_BLOCK], column;
  const char *columns = row->columns, *rows = row->rows, *embedding = row->embedding;
  size_t columns_size = ck_size(row->columns_format), rows_size = ck_size(row->rows_format);
  size_t embedding_size = ck_size(row->embedding_format);
  for (size_t start = 0; start < row->width; start += CK_BLOCK) {
    size_t count = row->width - start < CK_BLOCK ? row->width - start : CK_BLOCK;
    if (row->rank == 0) memset(sum, 0, sizeof sum);
    for (size_t r = 0; r < row->rank; r++) {
      CK_NAME(load_f64)(&column, columns + r * columns_size, row->columns_format, 1);
      CK_NAME(load_f64)(values, rows + (r * row->width + start) * rows_size, row->rows_format, count);
      if (r == 0) {
        for (size_t i = 0; i < count; i++) sum[i] = column * values[i];
      } else {
        for (size_t i = 0; i < count; i++) sum[i] = sum[i] + column * values[i];
      }
    }
    CK_NAME(load_f64)(values, embedding + start * embedding_size, row->embedding_format, count);
    for (size_t i = 0; i < count; i++) sum[i] = ck_canonical_f64(values[i] * sum[i]);
    memcpy((char *)row->output + start * sizeof(double), sum, count * sizeof(double));
  }
}

void CK_NAME(forward)(const ck_forward_row *row) {
  if (row->output_format == ck_f64) {
    CK_NAME(forward_f64)(row);
  } else {
    CK_NAME(forward_f32)(row);
  }
}

void CK_NAME(convert)(void *target, int target_format, const void *source, int source_format,
                      size_t count) {
  size_t target_size = ck_size(target_format), source_size = ck_size(source_format);
  if (target_format == source_format) {
    memcpy(target, source, count * target_size);
    return;
  }
  for (size_t start = 0; start < count; start += CK_BLOCK) {
    size_t part = count - start < CK_BLOCK ? count - start : CK_BLOCK;
    char *to = (char *)target + start * target_size;
    const char *from = (const char *)source + start * source_size;
    if (target_format == ck_f64) {
      double values[CK_BLOCK];
      CK_NAME(load_f64)(values, from, source_format, part);
      memcpy(to, values, part * sizeof(double));
    } else {
      float values[CK_BLOCK];
      CK_NAME(load_f32)(values, from, source_format, part);
      CK_NAME(store_f32)(to, target_format, values, part);
    }
  }
}

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
#undef CK_BLOCK
