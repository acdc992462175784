// SPDX-License-Identifier: Apache-2.0
/* The definitions of the AVX-512 sets for kernels_body.h: splitting and joining half numbers. */

#include "vector_types.h"

CK_INLINE CK_NAME(v32) CK_NAME(widen)(CK_NAME(u16) halves) {
  return (CK_NAME(v32))_mm512_cvtph_ps((__m256i)halves);
}

CK_INLINE CK_NAME(u16) CK_NAME(narrow)(CK_NAME(v32) values) {
  return (CK_NAME(u16))_mm512_cvtps_ph((__m512)values, _MM_FROUND_TO_NEAREST_INT);
}

/* Of the 32-bit elements of two vectors. */
CK_INLINE CK_NAME(u16x2) CK_NAME(lower_halves)(CK_NAME(u32) first, CK_NAME(u32) second) {
  const CK_NAME(u16x2) even = {0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
                               32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62};
  return (CK_NAME(u16x2))_mm512_permutex2var_epi16((__m512i)first, (__m512i)even, (__m512i)second);
}

CK_INLINE CK_NAME(u16x2) CK_NAME(upper_halves)(CK_NAME(u32) first, CK_NAME(u32) second) {
  const CK_NAME(u16x2) odd = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                              33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  return (CK_NAME(u16x2))_mm512_permutex2var_epi16((__m512i)first, (__m512i)odd, (__m512i)second);
}

CK_INLINE int CK_NAME(has_nan)(CK_NAME(v32) first, CK_NAME(v32) second) {
  return _mm512_cmp_ps_mask((__m512)first, (__m512)second, _CMP_UNORD_Q) != 0;
}
