// SPDX-License-Identifier: Apache-2.0
/* Conversion of a register of elements of each format to vectors of accumulators, and back, rounded
 * to nearest with ties to even: read_* and pack_*. Included by kernels_body.h. */

/* Any NaN as the positive quiet one without payload: CPUs differ in which NaN an operation gives. */
CK_INLINE CK_NAME(v32) CK_NAME(canonical_f32)(CK_NAME(v32) value) {
  CK_NAME(i32) isNaN = value != value;
  return (CK_NAME(v32))((isNaN & 0x7FC00000) | (~isNaN & (CK_NAME(i32))value));
}

CK_INLINE CK_NAME(v64) CK_NAME(canonical_f64)(CK_NAME(v64) value) {
  CK_NAME(i64) isNaN = value != value;
  return (CK_NAME(v64))((isNaN & 0x7FF8000000000000) | (~isNaN & (CK_NAME(i64))value));
}

/* F64 and F32: one vector. */
CK_INLINE void CK_NAME(read_f64)(CK_NAME(v64) *values, const void *source) {
  memcpy(values, source, sizeof *values);
}

CK_INLINE CK_NAME(v64) CK_NAME(pack_f64)(const CK_NAME(v64) *values) {
  return CK_NAME(canonical_f64)(values[0]);
}

CK_INLINE void CK_NAME(read_f32)(CK_NAME(v32) *values, const void *source) {
  memcpy(values, source, sizeof *values);
}

CK_INLINE CK_NAME(v32) CK_NAME(pack_f32)(const CK_NAME(v32) *values) {
  return CK_NAME(canonical_f32)(values[0]);
}

/* BF16: two vectors. */
CK_INLINE void CK_NAME(read_bf16)(CK_NAME(v32) *values, const void *source) {
  CK_NAME(u16) halves[2];
  memcpy(halves, source, sizeof halves);
  values[0] = (CK_NAME(v32))(__builtin_convertvector(halves[0], CK_NAME(u32)) << 16);
  values[1] = (CK_NAME(v32))(__builtin_convertvector(halves[1], CK_NAME(u32)) << 16);
}

#ifndef CK_HAS_HALVES
CK_INLINE CK_NAME(u16x2) CK_NAME(lower_halves)(CK_NAME(u32) first, CK_NAME(u32) second) {
  CK_NAME(u16) halves[2] = {__builtin_convertvector(first & 0xFFFFu, CK_NAME(u16)),
                            __builtin_convertvector(second & 0xFFFFu, CK_NAME(u16))};
  CK_NAME(u16x2) result;
  memcpy(&result, halves, sizeof result);
  return result;
}

CK_INLINE CK_NAME(u16x2) CK_NAME(upper_halves)(CK_NAME(u32) first, CK_NAME(u32) second) {
  return CK_NAME(lower_halves)(first >> 16, second >> 16);
}

CK_INLINE int CK_NAME(has_nan)(CK_NAME(v32) first, CK_NAME(v32) second) {
  return __builtin_reduce_or((first != first) | (second != second)) != 0;
}
#endif

CK_INLINE CK_NAME(u16x2) CK_NAME(pack_bf16)(const CK_NAME(v32) *values) {
  CK_NAME(v32) first = values[0], second = values[1];
#if defined(CK_HAS_BF16)
  if (__builtin_expect(CK_NAME(narrows_to_bf16)(first, second), 1)) {
    return CK_NAME(narrow_bf16)(first, second);
  }
#endif
  if (__builtin_expect(CK_NAME(has_nan)(first, second), 0)) {
    first = CK_NAME(canonical_f32)(first);
    second = CK_NAME(canonical_f32)(second);
  }
  CK_NAME(u16x2) kept = CK_NAME(upper_halves)((CK_NAME(u32))first, (CK_NAME(u32))second);
  CK_NAME(u16x2) dropped = CK_NAME(lower_halves)((CK_NAME(u32))first, (CK_NAME(u32))second);
  /* Up from above one half, and from one half to the even one; the comparison gives -1. */
  return kept - (CK_NAME(u16x2))(dropped > (CK_NAME(u16x2))(0x8000 - (kept & 1)));
}

/* F16: two vectors. */
#ifndef CK_HAS_F16
CK_INLINE CK_NAME(v32) CK_NAME(widen)(CK_NAME(u16) halves) {
  CK_NAME(v32) values;
  for (size_t i = 0; i < CK_VECTOR_BYTES / 4; i++) values[i] = ck_f32_from_f16(halves[i]);
  return values;
}

CK_INLINE CK_NAME(u16) CK_NAME(narrow)(CK_NAME(v32) values) {
  CK_NAME(u16) halves;
  for (size_t i = 0; i < CK_VECTOR_BYTES / 4; i++) halves[i] = ck_f16_from_f32(values[i]);
  return halves;
}
#endif

CK_INLINE void CK_NAME(read_f16)(CK_NAME(v32) *values, const void *source) {
  CK_NAME(u16) halves[2];
  memcpy(halves, source, sizeof halves);
  values[0] = CK_NAME(widen)(halves[0]);
  values[1] = CK_NAME(widen)(halves[1]);
}

CK_INLINE CK_NAME(u16x2) CK_NAME(pack_f16)(const CK_NAME(v32) *values) {
  CK_NAME(v32) first = values[0], second = values[1];
  if (__builtin_expect(CK_NAME(has_nan)(first, second), 0)) {
    first = CK_NAME(canonical_f32)(first);
    second = CK_NAME(canonical_f32)(second);
  }
  CK_NAME(u16) halves[2] = {CK_NAME(narrow)(first), CK_NAME(narrow)(second)};
  CK_NAME(u16x2) result;
  memcpy(&result, halves, sizeof result);
  return result;
}
