// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Loads, stores and conversions of single elements, written without branches so that loops over
 * them vectorise. */

#include "include/CKernels.h"

#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernels read little-endian files in place and need a little-endian CPU"
#endif

/* A product and the addition after it are two roundings at every instruction set: a contraction to
 * fma would change the bits where the CPU has one. */
#pragma STDC FP_CONTRACT OFF

#define CK_INLINE static inline __attribute__((always_inline, unused))

/* Elements of a file: any alignment, and no type that the compiler may assume. */
typedef double ck_file_f64 __attribute__((aligned(1), may_alias));
typedef float ck_file_f32 __attribute__((aligned(1), may_alias));
typedef int8_t ck_file_i8 __attribute__((aligned(1), may_alias));
typedef uint8_t ck_file_u8 __attribute__((aligned(1), may_alias));
typedef int16_t ck_file_i16 __attribute__((aligned(1), may_alias));
typedef uint16_t ck_file_u16 __attribute__((aligned(1), may_alias));
typedef int32_t ck_file_i32 __attribute__((aligned(1), may_alias));
typedef uint32_t ck_file_u32 __attribute__((aligned(1), may_alias));
typedef int64_t ck_file_i64 __attribute__((aligned(1), may_alias));
typedef uint64_t ck_file_u64 __attribute__((aligned(1), may_alias));

CK_INLINE uint32_t ck_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

CK_INLINE float ck_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

CK_INLINE size_t ck_size(int format) {
  return format == ck_f64 ? 8 : format == ck_f32 ? 4 : 2;
}

/* BF16 is the upper half of F32. */
CK_INLINE float ck_f32_from_bf16(uint16_t bits) { return ck_float((uint32_t)bits << 16); }

/* To nearest, ties to even; a carry out of the largest number makes an infinity. A NaN keeps its
 * sign and leading payload and becomes quiet. */
CK_INLINE uint16_t ck_bf16_from_f32(float value) {
  uint32_t bits = ck_bits(value);
  uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  uint32_t quiet = bits >> 16 | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

/* Exact. The exponent is rebiased by a multiplication, which also normalises subnormals. */
CK_INLINE float ck_f32_from_f16(uint16_t bits) {
  uint32_t magnitude = (uint32_t)(bits & 0x7FFFu) << 13;
  uint32_t finite = ck_bits(ck_float(magnitude) * 0x1p112f);
  uint32_t quiet = magnitude > 0x0F800000u ? 0x00400000u : 0u;
  uint32_t special = magnitude | 0x7F800000u | quiet;
  uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
  return ck_float(sign | (magnitude >= 0x0F800000u ? special : finite));
}

/* To nearest, ties to even; NaN as for BF16. */
CK_INLINE uint16_t ck_f16_from_f32(float value) {
  uint32_t bits = ck_bits(value);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t normal = (magnitude + 0xFFFu + (magnitude >> 13 & 1u)) >> 13;
  /* One unit of a float in [0.5, 1) is the smallest subnormal of F16: the addition rounds. */
  uint32_t subnormal = ck_bits(ck_float(magnitude) + 0.5f) - 0x3F000000u;
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal - (112u << 10);
  result = magnitude >= 0x477FF000u ? 0x7C00u : result;
  result = magnitude > 0x7F800000u ? (0x7E00u | (magnitude >> 13 & 0x3FFu)) : result;
  return (uint16_t)(bits >> 16 & 0x8000u) | (uint16_t)result;
}

/* Any NaN as the positive quiet one without payload: CPUs differ in which NaN an operation gives. */
CK_INLINE float ck_canonical_f32(float value) {
  return value != value ? ck_float(0x7FC00000u) : value;
}

CK_INLINE double ck_canonical_f64(double value) {
  uint64_t bits = 0x7FF8000000000000u;
  double nan;
  memcpy(&nan, &bits, sizeof nan);
  return value != value ? nan : value;
}
