/* x86-64 with AVX-512 F, BW, DQ and VL. */

#include "formats.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CK_NAME(name) ck_avx512_##name
#define CK_HAS_FMA
#define CK_F16_LANES 16

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)

CK_INLINE void ck_avx512_widen_lanes(float *target, const ck_file_u16 *source) {
  _mm512_storeu_ps(target, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)source)));
}

CK_INLINE void ck_avx512_narrow_lanes(ck_file_u16 *target, const float *source) {
  __m256i halves = _mm512_cvtps_ph(_mm512_loadu_ps(source), _MM_FROUND_TO_NEAREST_INT);
  _mm256_storeu_si256((__m256i_u *)target, halves);
}

#include "kernels_body.h"

#pragma clang attribute pop
#endif
