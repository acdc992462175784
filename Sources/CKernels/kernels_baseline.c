// SPDX-License-Identifier: Apache-2.0
/* The set that every CPU of the architecture has: SSE2 on x86-64, NEON on arm64. */

#include "elements.h"
#include "float8.h"
#include "formats.h"
#include "forward.h"
#include "update.h"

#define CK_NAME(name) ck_baseline_##name
#define CK_VECTOR_BYTES 16
#define CK_QR_SUMS 4
#define CK_QR_VECTORS 2
#define CK_TILE_VECTORS 2

#include "vector_types.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#define CK_TILE_ROWS 8
#define CK_HAS_FMA
#define CK_HAS_F16

CK_INLINE ck_baseline_v32 ck_baseline_widen(ck_baseline_u16 halves) {
  return (ck_baseline_v32)vcvt_f32_f16((float16x4_t)halves);
}

CK_INLINE ck_baseline_u16 ck_baseline_narrow(ck_baseline_v32 values) {
  return (ck_baseline_u16)vcvt_f16_f32((float32x4_t)values);
}
#else
#define CK_TILE_ROWS 4
#endif

#include "kernels_body.h"
