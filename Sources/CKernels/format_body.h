// SPDX-License-Identifier: Apache-2.0
/* The kernels of one instruction set in one format: included by kernels_body.h, which defines CK_FORMAT,
 * CK_IS_F64 and CK_IS_HALF. */

#define CK_JOIN2(name, format) name##_##format
#define CK_JOIN(name, format) CK_JOIN2(name, format)
#define CK_F(name) CK_NAME_OF(CK_JOIN(name, CK_FORMAT))
#define CK_NAME_OF(name) CK_NAME(name)

#if defined(CK_IS_F64)
#define CK_ACCUMULATOR double
#define CK_COLUMNS CK_NAME(load_f64)
#define CK_VECTOR CK_NAME(v64)
#define CK_INTEGERS CK_NAME(i64)
#define ck_file_accumulator ck_file_f64
#define CK_SIZE 8
#else
#define CK_ACCUMULATOR float
#define CK_COLUMNS CK_NAME(load_f32)
#define CK_VECTOR CK_NAME(v32)
#define CK_INTEGERS CK_NAME(i32)
#define ck_file_accumulator ck_file_f32
#if defined(CK_IS_HALF)
#define CK_SIZE 2
#else
#define CK_SIZE 4
#endif
#endif
/* The elements of a register, and the vectors of accumulators that they make. */
#define CK_ELEMENTS (CK_VECTOR_BYTES / CK_SIZE)
#define CK_VECTORS (sizeof(CK_ACCUMULATOR) / CK_SIZE)
#define CK_LANES (CK_VECTOR_BYTES / sizeof(CK_ACCUMULATOR))
/* The columns of a tile. */
#define CK_WIDTH (CK_TILE_VECTORS * CK_LANES)

/* A register of the format's elements. */
typedef __typeof__(CK_F(pack)((const CK_VECTOR *)NULL)) CK_F(elements);

CK_INLINE CK_VECTOR CK_F(sums_at)(const CK_ACCUMULATOR *source) {
  CK_VECTOR value;
  memcpy(&value, source, sizeof value);
  return value;
}

/* To the values of a half type. */
CK_INLINE void CK_F(round)(CK_VECTOR *values) {
#if defined(CK_IS_HALF)
  CK_F(elements) elements = CK_F(pack)(values);
  CK_F(read)(values, &elements);
#else
  (void)values;
#endif
}

/* The first `count` elements of a register, or all. */
CK_INLINE void CK_F(read_part)(CK_VECTOR *values, const char *source, size_t count) {
  if (count < CK_ELEMENTS) {
    char elements[CK_VECTOR_BYTES] = {0};
    memcpy(elements, source, count * CK_SIZE);
    CK_F(read)(values, elements);
  } else {
    CK_F(read)(values, source);
  }
}

#include "forward_body.h"

#include "update_body.h"

#undef CK_VECTORS
#undef CK_ELEMENTS
#undef CK_WIDTH
#undef CK_LANES
#undef CK_SIZE
#undef CK_COLUMNS
#undef CK_VECTOR
#undef CK_INTEGERS
#undef ck_file_accumulator
#undef CK_ACCUMULATOR
#undef CK_NAME_OF
#undef CK_F
#undef CK_JOIN
#undef CK_JOIN2
