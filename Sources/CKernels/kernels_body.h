// SPDX-License-Identifier: Apache-2.0
/* The kernels of one instruction set: included by kernels_*.c, which define
 *   CK_NAME(name)     name with the set's prefix
 *   CK_VECTOR_BYTES   the size of a register
 *   CK_TILE_ROWS, CK_TILE_VECTORS  the accumulators of the matrix product, which must fit the registers
 *   CK_QR_SUMS, CK_QR_VECTORS  the accumulators of reflections, which must fit the registers
 *   CK_HAS_F16        where the CPU converts F16 itself: with the functions widen and narrow
 *   CK_HAS_HALVES     with lower_halves, upper_halves and has_nan of their own
 *   CK_HAS_BF16       where the CPU multiplies and rounds BF16: with narrows_to_bf16 and narrow_bf16
 *   CK_HAS_FMA        where the CPU has a fused multiply-add
 * Whatever they define, they compute the same bits. */

#define CK_BLOCK CK_NAME(block)

#include "vectors_body.h"

#include "convert_body.h"

#include "cast_body.h"

#include "bound_body.h"

#include "survey_body.h"

#include "product_body.h"

#include "qr_body.h"

#include "thin_body.h"

#define CK_FORMAT f64
#define CK_IS_F64
#include "format_body.h"
#undef CK_IS_F64
#undef CK_FORMAT

#define CK_FORMAT f32
#include "format_body.h"
#undef CK_FORMAT

#define CK_IS_HALF
#define CK_FORMAT bf16
#include "format_body.h"
#undef CK_FORMAT

#define CK_FORMAT f16
#include "format_body.h"
#undef CK_FORMAT
#undef CK_IS_HALF

void CK_NAME(forward)(const ck_forward_job *job, const ck_forward_item *item, void *scratch) {
  switch (job->format) {
  case ck_f64: CK_NAME(forward_f64)(job, item, scratch); break;
  case ck_f32: CK_NAME(forward_f32)(job, item, scratch); break;
  case ck_bf16: CK_NAME(forward_bf16)(job, item, scratch); break;
  default: CK_NAME(forward_f16)(job, item, scratch);
  }
}

void CK_NAME(update)(const ck_update_job *job, const ck_update_share *share, void *panel,
                     ck_update_sums *sums) {
  switch (job->format) {
  case ck_f64: CK_NAME(update_f64)(job, share, panel, sums); break;
  case ck_f32: CK_NAME(update_f32)(job, share, panel, sums); break;
  case ck_bf16: CK_NAME(update_bf16)(job, share, panel, sums); break;
  default: CK_NAME(update_f16)(job, share, panel, sums);
  }
}

#undef CK_BLOCK
