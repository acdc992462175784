// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The element types of casts: sizes, and the ranges of integers. */

#include "formats.h"

CK_INLINE int ck_is_integer(int type) { return type >= ck_bool && type <= ck_i64; }

CK_INLINE size_t ck_element_size(int type) {
  switch (type) {
  case ck_f64:
  case ck_u64:
  case ck_i64:
  case ck_c64: return 8;
  case ck_f32:
  case ck_u32:
  case ck_i32: return 4;
  case ck_bf16:
  case ck_f16:
  case ck_u16:
  case ck_i16: return 2;
  default: return 1;
  }
}

/* The range of an integer type: I64 from low to high, and F64 between below and above, both excluded
 * (a fraction is cut off). U64 above high has no I64. */
typedef struct {
  int64_t low, high;
  double below, above;
} ck_range;

CK_INLINE ck_range ck_integer_range(int type) {
  switch (type) {
  case ck_u8: return (ck_range){0, UINT8_MAX, -1, 0x1p8};
  case ck_i8: return (ck_range){INT8_MIN, INT8_MAX, -0x1p7 - 1, 0x1p7};
  case ck_u16: return (ck_range){0, UINT16_MAX, -1, 0x1p16};
  case ck_i16: return (ck_range){INT16_MIN, INT16_MAX, -0x1p15 - 1, 0x1p15};
  case ck_u32: return (ck_range){0, UINT32_MAX, -1, 0x1p32};
  case ck_i32: return (ck_range){INT32_MIN, INT32_MAX, -0x1p31 - 1, 0x1p31};
  case ck_u64: return (ck_range){0, INT64_MAX, -1, 0x1p64};
  /* The first F64 below -2^63. */
  default: return (ck_range){INT64_MIN, INT64_MAX, -0x1.0000000000001p63, 0x1p63};
  }
}
