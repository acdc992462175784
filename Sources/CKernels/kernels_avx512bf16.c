// SPDX-License-Identifier: Apache-2.0
/* x86-64 with AVX-512 F, BW, DQ, VL and BF16: the forward and updates in BF16. All else is that of kernels_avx512.c. */

#include "formats.h"
#include "forward.h"
#include "update.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CK_NAME(name) ck_avx512bf16_##name
#define CK_VECTOR_BYTES 64
#define CK_TILE_ROWS 5
#define CK_TILE_VECTORS 4
#define CK_HAS_F16
#define CK_HAS_HALVES
#define CK_HAS_BF16

#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))),        \
    apply_to = function)

#include "avx512_vectors.h"

/* The CPU's conversion treats subnormal numbers as zero and keeps NaNs unchanged: neither is passed to it. */
CK_INLINE int CK_NAME(narrows_to_bf16)(CK_NAME(v32) first, CK_NAME(v32) second) {
  enum { quiet_nan = 0x01, subnormal = 0x20, signaling_nan = 0x80 };
  enum { kinds = quiet_nan | subnormal | signaling_nan };
  __mmask16 kept = _mm512_fpclass_ps_mask((__m512)first, kinds);
  return (kept | _mm512_fpclass_ps_mask((__m512)second, kinds)) == 0;
}

CK_INLINE CK_NAME(u16x2) CK_NAME(narrow_bf16)(CK_NAME(v32) first, CK_NAME(v32) second) {
  return (CK_NAME(u16x2))_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}

#define CK_BLOCK CK_NAME(block)

#include "vectors_body.h"

#include "convert_body.h"

#define CK_IS_HALF
#define CK_FORMAT bf16
#include "format_body.h"

void CK_NAME(forward)(const ck_forward_job *job, const ck_forward_item *item, void *scratch) {
  CK_NAME(forward_bf16)(job, item, scratch);
}

void CK_NAME(update)(const ck_update_job *job, const ck_update_share *share, void *panel,
                     ck_update_sums *sums) {
  CK_NAME(update_bf16)(job, share, panel, sums);
}

#pragma clang attribute pop
#endif
