/* x86-64 with AVX2 and F16C. */

#include "formats.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CK_NAME(name) ck_avx2_##name
#define CK_HAS_FMA
#define CK_F16_LANES 8

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

CK_INLINE void ck_avx2_widen_lanes(float *target, const ck_file_u16 *source) {
  _mm256_storeu_ps(target, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)source)));
}

CK_INLINE void ck_avx2_narrow_lanes(ck_file_u16 *target, const float *source) {
  __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(source), _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128((__m128i_u *)target, halves);
}

#include "kernels_body.h"

#pragma clang attribute pop
#endif
