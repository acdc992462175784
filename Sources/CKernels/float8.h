// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The 8-bit floating-point formats, element by element: to and from the bits of F32, without
 * branches so that loops vectorise. The rules have their numbers in spec/casts.md. */

#include "formats.h"

/* The smallest magnitude, as the bits of F32, that overflows when rounded (spec/casts.md K8). */
CK_INLINE uint32_t ck_overflow_bits(int type) {
  switch (type) {
  case ck_bf16: return 0x7F7F8000u;
  case ck_f16: return 0x477FF000u; /* 65520 */
  case ck_float8_e4m3fn: return 0x43E80001u; /* the first above 464, which is a tie */
  case ck_float8_e4m3fnuz: return 0x43780000u; /* 248 */
  case ck_float8_e5m2:
  case ck_float8_e5m2fnuz: return 0x47700000u; /* 61440 */
  case ck_float8_e8m0fnu: return 0x7F400000u; /* 1.5 times 2 to the 127 */
  default: return 0x7F800000u;
  }
}

/* The bits of a magnitude with `digits` explicit bits of significand, rounded to nearest, ties to
 * even (spec/casts.md K5). `unit` is a float whose last place is the format's smallest subnormal: adding it
 * rounds. */
CK_INLINE uint32_t ck_round_magnitude(uint32_t magnitude, int digits, int bias, float unit) {
  int dropped = 23 - digits;
  uint32_t half = (1u << (dropped - 1)) - 1u + (magnitude >> dropped & 1u);
  uint32_t normal = ((magnitude + half) >> dropped) - ((uint32_t)(127 - bias) << digits);
  uint32_t subnormal = ck_bits(ck_float(magnitude) + unit) - ck_bits(unit);
  return magnitude < (uint32_t)(128 - bias) << 23 ? subnormal : normal;
}

/* spec/casts.md K9: larger values, infinities included, become the largest number. */
CK_INLINE uint8_t ck_float8_e4m3fn_from_f32(uint32_t bits) {
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t result = ck_round_magnitude(magnitude, 3, 7, 0x1p14f);
  result = magnitude >= ck_overflow_bits(ck_float8_e4m3fn) ? 0x7Eu : result;
  result = magnitude > 0x7F800000u ? 0x7Fu : result;
  return (uint8_t)(bits >> 24 & 0x80u) | (uint8_t)result;
}

CK_INLINE uint8_t ck_float8_e5m2_from_f32(uint32_t bits) {
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t result = ck_round_magnitude(magnitude, 2, 15, 0x1p7f);
  result = magnitude >= ck_overflow_bits(ck_float8_e5m2) ? 0x7Cu : result;
  result = magnitude > 0x7F800000u ? 0x7Fu : result;
  return (uint8_t)(bits >> 24 & 0x80u) | (uint8_t)result;
}

/* spec/casts.md K10: the bits of -0 are the only NaN, so zero has no sign. */
CK_INLINE uint8_t ck_float8_fnuz(uint32_t sign_bits, uint32_t magnitude_bits, uint32_t overflows) {
  uint32_t sign = magnitude_bits == 0 ? 0u : sign_bits >> 24 & 0x80u;
  return (uint8_t)(overflows ? 0x80u : sign | magnitude_bits);
}

CK_INLINE uint8_t ck_float8_e4m3fnuz_from_f32(uint32_t bits) {
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  return ck_float8_fnuz(bits, ck_round_magnitude(magnitude, 3, 8, 0x1p13f),
                        magnitude >= ck_overflow_bits(ck_float8_e4m3fnuz));
}

CK_INLINE uint8_t ck_float8_e5m2fnuz_from_f32(uint32_t bits) {
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  return ck_float8_fnuz(bits, ck_round_magnitude(magnitude, 2, 16, 0x1p6f),
                        magnitude >= ck_overflow_bits(ck_float8_e5m2fnuz));
}

/* spec/casts.md K11: the exponent alone. Halfway goes up, but from 2 to the -127, which is an odd F32: a
 * subnormal. */
CK_INLINE uint8_t ck_float8_e8m0fnu_from_f32(uint32_t bits) {
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t rounded = (magnitude + 0x400000u - (magnitude < 0x800000u)) >> 23;
  return (uint8_t)(magnitude >= ck_overflow_bits(ck_float8_e8m0fnu) ? 0xFFu : rounded);
}

/* Exact. A subnormal is an integer times the smallest of them, `unit`: a multiplication of normal
 * floats, which no CPU takes long for. */
CK_INLINE uint32_t ck_widen_magnitude(uint32_t magnitude, int digits, int bias, float unit) {
  uint32_t normal = (magnitude << (23 - digits)) + ((uint32_t)(127 - bias) << 23);
  uint32_t subnormal = ck_bits((float)(int32_t)magnitude * unit);
  return magnitude < 1u << digits ? subnormal : normal;
}

CK_INLINE uint32_t ck_f32_from_float8_e4m3fn(uint8_t bits) {
  uint32_t magnitude = bits & 0x7Fu, sign = (uint32_t)(bits & 0x80u) << 24;
  uint32_t finite = ck_widen_magnitude(magnitude, 3, 7, 0x1p-9f);
  return sign | (magnitude == 0x7Fu ? 0x7FC00000u : finite);
}

CK_INLINE uint32_t ck_f32_from_float8_e5m2(uint8_t bits) {
  uint32_t magnitude = bits & 0x7Fu, sign = (uint32_t)(bits & 0x80u) << 24;
  uint32_t finite = ck_widen_magnitude(magnitude, 2, 15, 0x1p-16f);
  uint32_t special = magnitude == 0x7Cu ? 0x7F800000u : 0x7FC00000u;
  return sign | (magnitude >= 0x7Cu ? special : finite);
}

CK_INLINE uint32_t ck_f32_from_float8_e4m3fnuz(uint8_t bits) {
  uint32_t sign = (uint32_t)(bits & 0x80u) << 24;
  uint32_t finite = sign | ck_widen_magnitude(bits & 0x7Fu, 3, 8, 0x1p-10f);
  return bits == 0x80u ? 0x7FC00000u : finite;
}

CK_INLINE uint32_t ck_f32_from_float8_e5m2fnuz(uint8_t bits) {
  uint32_t sign = (uint32_t)(bits & 0x80u) << 24;
  uint32_t finite = sign | ck_widen_magnitude(bits & 0x7Fu, 2, 16, 0x1p-17f);
  return bits == 0x80u ? 0x7FC00000u : finite;
}

/* 2 to the bits - 127, of which the smallest is a subnormal of F32. */
CK_INLINE uint32_t ck_f32_from_float8_e8m0fnu(uint8_t bits) {
  uint32_t power = bits == 0 ? 0x00400000u : (uint32_t)bits << 23;
  return bits == 0xFFu ? 0x7FC00000u : power;
}
