// SPDX-License-Identifier: Apache-2.0
/* x86-64 with AVX2 and F16C. */

#include "elements.h"
#include "float8.h"
#include "formats.h"
#include "forward.h"
#include "update.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CK_NAME(name) ck_avx2_##name
#define CK_VECTOR_BYTES 32
#define CK_TILE_ROWS 4
#define CK_QR_SUMS 4
#define CK_QR_VECTORS 2
#define CK_TILE_VECTORS 2
#define CK_HAS_FMA
#define CK_HAS_F16

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "vector_types.h"

CK_INLINE ck_avx2_v32 ck_avx2_widen(ck_avx2_u16 halves) {
  return (ck_avx2_v32)_mm256_cvtph_ps((__m128i)halves);
}

CK_INLINE ck_avx2_u16 ck_avx2_narrow(ck_avx2_v32 values) {
  return (ck_avx2_u16)_mm256_cvtps_ph((__m256)values, _MM_FROUND_TO_NEAREST_INT);
}

#include "kernels_body.h"

#pragma clang attribute pop
#endif
