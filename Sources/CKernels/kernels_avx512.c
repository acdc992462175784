// SPDX-License-Identifier: Apache-2.0
/* x86-64 with AVX-512 F, BW, DQ and VL. */

#include "elements.h"
#include "float8.h"
#include "formats.h"
#include "forward.h"
#include "update.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CK_NAME(name) ck_avx512_##name
#define CK_VECTOR_BYTES 64
#define CK_TILE_ROWS 5
#define CK_QR_SUMS 8
#define CK_QR_VECTORS 2
#define CK_TILE_VECTORS 4
#define CK_HAS_FMA
#define CK_HAS_F16
#define CK_HAS_HALVES

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)

#include "avx512_vectors.h"

#include "kernels_body.h"

#pragma clang attribute pop
#endif
