// SPDX-License-Identifier: Apache-2.0
/* Casts between all element types, in blocks that stay in the first-level cache: each goes through
 * F32, F64 or I64, as torch's do (spec/casts.md, K3). Included by kernels_body.h. */

#define CK_CASE(type, expression)                                                                  \
  case type:                                                                                       \
    for (size_t i = 0; i < count; i++) to[i] = expression;                                         \
    break;
#define CK_FROM(element) ((const ck_file_##element *)source)[i]

/* At most a block of any type -> F32, rounded to nearest. Returns the values: where they are F32
 * already, the source itself. */
static const ck_file_f32 *CK_NAME(cast_to_f32)(ck_file_f32 *restrict target,
                                               const void *restrict source, int type,
                                               size_t count) {
  ck_file_f32 *restrict to = target;
  switch (type) {
  case ck_f32: return source;
  case ck_f64:
  case ck_bf16:
  case ck_f16: CK_NAME(load_f32)(target, source, type, count); break;
  CK_CASE(ck_float8_e4m3fn, ck_float(ck_f32_from_float8_e4m3fn(CK_FROM(u8))))
  CK_CASE(ck_float8_e5m2, ck_float(ck_f32_from_float8_e5m2(CK_FROM(u8))))
  CK_CASE(ck_float8_e4m3fnuz, ck_float(ck_f32_from_float8_e4m3fnuz(CK_FROM(u8))))
  CK_CASE(ck_float8_e5m2fnuz, ck_float(ck_f32_from_float8_e5m2fnuz(CK_FROM(u8))))
  CK_CASE(ck_float8_e8m0fnu, ck_float(ck_f32_from_float8_e8m0fnu(CK_FROM(u8))))
  CK_CASE(ck_bool, CK_FROM(u8) != 0 ? 1.0f : 0.0f)
  CK_CASE(ck_u8, (float)CK_FROM(u8))
  CK_CASE(ck_i8, (float)CK_FROM(i8))
  CK_CASE(ck_u16, (float)CK_FROM(u16))
  CK_CASE(ck_i16, (float)CK_FROM(i16))
  CK_CASE(ck_u32, (float)CK_FROM(u32))
  CK_CASE(ck_i32, (float)CK_FROM(i32))
  CK_CASE(ck_u64, (float)CK_FROM(u64))
  CK_CASE(ck_i64, (float)CK_FROM(i64))
  default: break;
  }
  return target;
}

/* The same for F64, which only U64 and I64 are rounded to. */
static const ck_file_f64 *CK_NAME(cast_to_f64)(ck_file_f64 *restrict target,
                                               const void *restrict source, int type,
                                               size_t count) {
  ck_file_f64 *restrict to = target;
  switch (type) {
  case ck_f64: return source;
  CK_CASE(ck_u32, (double)CK_FROM(u32))
  CK_CASE(ck_i32, (double)CK_FROM(i32))
  CK_CASE(ck_u64, (double)CK_FROM(u64))
  CK_CASE(ck_i64, (double)CK_FROM(i64))
  default: {
    float values[CK_BLOCK];
    const ck_file_f32 *from = CK_NAME(cast_to_f32)(values, source, type, count);
    for (size_t i = 0; i < count; i++) to[i] = (double)from[i];
  }
  }
  return target;
}

/* The same of integers for I64; U64 beyond it becomes negative. */
static const ck_file_i64 *CK_NAME(cast_to_i64)(ck_file_i64 *restrict target,
                                               const void *restrict source, int type,
                                               size_t count) {
  ck_file_i64 *restrict to = target;
  switch (type) {
  case ck_u64:
  case ck_i64: return source;
  CK_CASE(ck_bool, CK_FROM(u8) != 0)
  CK_CASE(ck_u8, CK_FROM(u8))
  CK_CASE(ck_i8, CK_FROM(i8))
  CK_CASE(ck_u16, CK_FROM(u16))
  CK_CASE(ck_i16, CK_FROM(i16))
  CK_CASE(ck_u32, CK_FROM(u32))
  CK_CASE(ck_i32, CK_FROM(i32))
  default: break;
  }
  return target;
}

/* F32 -> one of the formats that it is rounded to, or C64. */
static void CK_NAME(cast_from_f32)(void *restrict target, int type,
                                   const ck_file_f32 *restrict source, size_t count) {
  ck_file_u8 *restrict to = target;
  const ck_file_u32 *bits = (const ck_file_u32 *)source;
  switch (type) {
  case ck_f32:
  case ck_bf16:
  case ck_f16: CK_NAME(store_f32)(target, type, source, count); break;
  CK_CASE(ck_float8_e4m3fn, ck_float8_e4m3fn_from_f32(bits[i]))
  CK_CASE(ck_float8_e5m2, ck_float8_e5m2_from_f32(bits[i]))
  CK_CASE(ck_float8_e4m3fnuz, ck_float8_e4m3fnuz_from_f32(bits[i]))
  CK_CASE(ck_float8_e5m2fnuz, ck_float8_e5m2fnuz_from_f32(bits[i]))
  CK_CASE(ck_float8_e8m0fnu, ck_float8_e8m0fnu_from_f32(bits[i]))
  case ck_c64:
    for (size_t i = 0; i < count; i++) {
      ((ck_file_f32 *)target)[2 * i] = source[i];
      ((ck_file_f32 *)target)[2 * i + 1] = 0.0f;
    }
    break;
  default: break;
  }
}

#undef CK_CASE
#undef CK_FROM

/* Values in the target's range -> integers, with fractions cut off; or whether they are not zero. */
#define CK_INTEGERS(name, value_type)                                                              \
  static void CK_NAME(name)(void *restrict target, int type, const value_type *restrict source,    \
                            size_t count) {                                                        \
    switch (type) {                                                                                \
    case ck_bool:                                                                                  \
      for (size_t i = 0; i < count; i++) ((ck_file_u8 *)target)[i] = source[i] != 0;               \
      break;                                                                                       \
      CK_INTEGER(u8, uint8_t)                                                                      \
      CK_INTEGER(i8, int8_t)                                                                       \
      CK_INTEGER(u16, uint16_t)                                                                    \
      CK_INTEGER(i16, int16_t)                                                                     \
      CK_INTEGER(u32, uint32_t)                                                                    \
      CK_INTEGER(i32, int32_t)                                                                     \
      CK_INTEGER(u64, uint64_t)                                                                    \
      CK_INTEGER(i64, int64_t)                                                                     \
    default: break;                                                                                \
    }                                                                                              \
  }
#define CK_INTEGER(element, integer)                                                               \
  case ck_##element:                                                                               \
    for (size_t i = 0; i < count; i++) ((ck_file_##element *)target)[i] = (integer)source[i];      \
    break;

CK_INTEGERS(cast_from_f64, ck_file_f64)
CK_INTEGERS(cast_from_i64, ck_file_i64)

#undef CK_INTEGER
#undef CK_INTEGERS

/* The index of the first value outside the range, or count (spec/casts.md K13). NaN is outside. */
static size_t CK_NAME(first_outside_f64)(const ck_file_f64 *values, ck_range range, size_t count) {
  int64_t outside = 0;
  for (size_t i = 0; i < count; i++) {
    outside |= !((values[i] > range.below) & (values[i] < range.above));
  }
  size_t first = outside ? 0 : count;
  while (first < count && values[first] > range.below && values[first] < range.above) first++;
  return first;
}

static size_t CK_NAME(first_outside_i64)(const ck_file_i64 *values, ck_range range, size_t count) {
  int64_t outside = 0;
  for (size_t i = 0; i < count; i++) {
    outside |= (values[i] < range.low) | (values[i] > range.high);
  }
  size_t first = outside ? 0 : count;
  while (first < count && values[first] >= range.low && values[first] <= range.high) first++;
  return first;
}

/* Counts the effects of rounding these values, which come from `source`, to a type (spec/casts.md K16). */
static void CK_NAME(count_casts)(ck_cast_counts *counts, const ck_file_f32 *values, int type,
                                 const void *source, int source_type, size_t count) {
  const ck_file_u32 *bits = (const ck_file_u32 *)values;
  uint32_t limit = ck_overflow_bits(type), reached = 0;
  if (type == ck_float8_e8m0fnu) {
    uint32_t lost = 0;
    /* From the smallest negative number to the last that does not overflow. */
    for (size_t i = 0; i < count; i++) lost += bits[i] - 0x80000001u < limit - 1u;
    counts->sign_lost += lost;
  }
  /* Nearly always nothing is too large: then one pass without a branch says so. The difference is
   * negative from the limit on. */
  for (size_t i = 0; i < count; i++) reached |= limit - 1u - (bits[i] & 0x7FFFFFFFu);
  if (reached >> 31 == 0) return;
  uint32_t beyond = 0, infinite = 0, nan = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t magnitude = bits[i] & 0x7FFFFFFFu;
    beyond += magnitude >= limit;
    infinite += magnitude == 0x7F800000u;
    nan += magnitude > 0x7F800000u;
  }
  beyond -= nan;
  counts->nan += nan;
  switch (type) {
  case ck_float8_e4m3fn: counts->saturated += beyond; break;
  case ck_float8_e4m3fnuz:
  case ck_float8_e5m2fnuz:
  case ck_float8_e8m0fnu:
    counts->nan += beyond;
    counts->nan_from_number += beyond;
    break;
  default:
    /* Of F64, some became infinite on the way to F32. */
    if (source_type == ck_f64) {
      infinite = 0;
      for (size_t i = 0; i < count; i++) {
        uint64_t magnitude = ((const ck_file_u64 *)source)[i] & 0x7FFFFFFFFFFFFFFFu;
        infinite += magnitude == 0x7FF0000000000000u;
      }
    }
    counts->infinite += beyond;
    counts->infinite_from_finite += beyond - infinite;
  }
}

/* At most a block. Returns count, or the index of the first element that the target lacks. */
static size_t CK_NAME(cast_block)(void *target, int target_type, const void *source,
                                  int source_type, size_t count, ck_cast_counts *counts) {
  if (ck_is_integer(target_type) && ck_is_integer(source_type)) {
    int64_t buffer[CK_BLOCK];
    const ck_file_i64 *values = CK_NAME(cast_to_i64)(buffer, source, source_type, count);
    if (target_type != ck_bool) {
      ck_range range = ck_integer_range(target_type);
      if (source_type == ck_u64 && range.low < 0) range.low = 0;
      size_t first = CK_NAME(first_outside_i64)(values, range, count);
      if (first < count) return first;
    }
    CK_NAME(cast_from_i64)(target, target_type, values, count);
  } else if (ck_is_integer(target_type)) {
    double buffer[CK_BLOCK];
    const ck_file_f64 *values = CK_NAME(cast_to_f64)(buffer, source, source_type, count);
    if (target_type != ck_bool) {
      size_t first = CK_NAME(first_outside_f64)(values, ck_integer_range(target_type), count);
      if (first < count) return first;
    }
    CK_NAME(cast_from_f64)(target, target_type, values, count);
  } else if (target_type == ck_f64 && ck_is_integer(source_type)) {
    CK_NAME(cast_to_f64)(target, source, source_type, count);
  } else if (target_type == ck_f64) {
    float buffer[CK_BLOCK];
    const ck_file_f32 *values = CK_NAME(cast_to_f32)(buffer, source, source_type, count);
    for (size_t i = 0; i < count; i++) ((ck_file_f64 *)target)[i] = (double)values[i];
    CK_NAME(count_casts)(counts, values, target_type, source, source_type, count);
  } else if (target_type == ck_f32) {
    CK_NAME(cast_to_f32)(target, source, source_type, count);
    CK_NAME(count_casts)(counts, target, target_type, source, source_type, count);
  } else {
    float buffer[CK_BLOCK];
    const ck_file_f32 *values = CK_NAME(cast_to_f32)(buffer, source, source_type, count);
    CK_NAME(count_casts)(counts, values, target_type, source, source_type, count);
    CK_NAME(cast_from_f32)(target, target_type, values, count);
  }
  return count;
}

void CK_NAME(cast)(void *target, int target_type, const void *source, int source_type,
                   size_t count, ck_cast_counts *counts, size_t *done) {
  size_t target_size = ck_element_size(target_type), source_size = ck_element_size(source_type);
  size_t start = 0;
  while (start < count) {
    size_t part = count - start < CK_BLOCK ? count - start : CK_BLOCK;
    size_t cast = CK_NAME(cast_block)((char *)target + start * target_size, target_type,
                                      (const char *)source + start * source_size, source_type,
                                      part, counts);
    start += cast;
    if (cast < part) break;
  }
  *done = start;
}
