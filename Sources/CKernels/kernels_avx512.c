/* x86-64 with AVX-512 F, BW, DQ and VL. */

#include "elements.h"
#include "float8.h"
#include "formats.h"
#include "forward.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CK_NAME(name) ck_avx512_##name
#define CK_VECTOR_BYTES 64
#define CK_TILE_ROWS 5
#define CK_TILE_VECTORS 4
#define CK_HAS_FMA
#define CK_HAS_F16
#define CK_HAS_HALVES

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)

#include "vector_types.h"

CK_INLINE ck_avx512_v32 ck_avx512_widen(ck_avx512_u16 halves) {
  return (ck_avx512_v32)_mm512_cvtph_ps((__m256i)halves);
}

CK_INLINE ck_avx512_u16 ck_avx512_narrow(ck_avx512_v32 values) {
  return (ck_avx512_u16)_mm512_cvtps_ph((__m512)values, _MM_FROUND_TO_NEAREST_INT);
}

/* Of the 32-bit elements of two vectors. */
CK_INLINE ck_avx512_u16x2 ck_avx512_lower_halves(ck_avx512_u32 first, ck_avx512_u32 second) {
  const ck_avx512_u16x2 even = {0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
                                32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62};
  return (ck_avx512_u16x2)_mm512_permutex2var_epi16((__m512i)first, (__m512i)even, (__m512i)second);
}

CK_INLINE ck_avx512_u16x2 ck_avx512_upper_halves(ck_avx512_u32 first, ck_avx512_u32 second) {
  const ck_avx512_u16x2 odd = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                               33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  return (ck_avx512_u16x2)_mm512_permutex2var_epi16((__m512i)first, (__m512i)odd, (__m512i)second);
}

#include "kernels_body.h"

#pragma clang attribute pop
#endif
