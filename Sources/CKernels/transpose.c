// SPDX-License-Identifier: Apache-2.0
/* Transposition of a matrix in tiles that stay in registers and in the first-level cache. */

#include <string.h>

#include "include/CKernels.h"

typedef uint16_t ck_tile16 __attribute__((vector_size(16)));
typedef uint32_t ck_tile32 __attribute__((vector_size(16)));

/* An 8 x 8 tile of 2-byte elements; the strides are in bytes. */
static inline void transpose_tile_2(uint8_t *target, size_t target_stride, const uint8_t *source,
                                    size_t source_stride) {
  ck_tile16 a[8], b[8];
  for (int i = 0; i < 8; i++) memcpy(&a[i], source + i * source_stride, 16);
  for (int i = 0; i < 4; i++) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int i = 0; i < 4; i++) {
    a[2 * i] = __builtin_shufflevector(b[i], b[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    a[2 * i + 1] = __builtin_shufflevector(b[i], b[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int i = 0; i < 4; i++) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i++) memcpy(target + i * target_stride, &b[i], 16);
}

/* A 4 x 4 tile of 4-byte elements. */
static inline void transpose_tile_4(uint8_t *target, size_t target_stride, const uint8_t *source,
                                    size_t source_stride) {
  ck_tile32 a[4], b[4];
  for (int i = 0; i < 4; i++) memcpy(&a[i], source + i * source_stride, 16);
  for (int i = 0; i < 2; i++) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 2], 0, 4, 1, 5);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 2], 2, 6, 3, 7);
  }
  for (int i = 0; i < 2; i++) {
    a[2 * i] = __builtin_shufflevector(b[i], b[i + 2], 0, 4, 1, 5);
    a[2 * i + 1] = __builtin_shufflevector(b[i], b[i + 2], 2, 6, 3, 7);
  }
  for (int i = 0; i < 4; i++) memcpy(target + i * target_stride, &a[i], 16);
}

void ck_transpose(void *target, size_t target_stride, const void *source, size_t source_stride,
                  size_t rows, size_t columns, size_t element_size) {
  uint8_t *const to = target;
  const uint8_t *const from = source;
  const size_t to_step = target_stride * element_size, from_step = source_stride * element_size;
  const size_t side = element_size == 2 ? 8 : element_size == 4 ? 4 : 1;
  const size_t whole_rows = side > 1 ? rows - rows % side : 0;
  const size_t whole_columns = side > 1 ? columns - columns % side : 0;
  for (size_t column = 0; column < whole_columns; column += side) {
    for (size_t row = 0; row < whole_rows; row += side) {
      uint8_t *tile = to + column * to_step + row * element_size;
      const uint8_t *origin = from + row * from_step + column * element_size;
      if (element_size == 2) {
        transpose_tile_2(tile, to_step, origin, from_step);
      } else {
        transpose_tile_4(tile, to_step, origin, from_step);
      }
    }
  }
  /* The rest: whole rows beside the tiles, and columns below them. */
  for (size_t column = 0; column < columns; column++) {
    for (size_t row = column < whole_columns ? whole_rows : 0; row < rows; row++) {
      memcpy(to + column * to_step + row * element_size,
             from + row * from_step + column * element_size, element_size);
    }
  }
}
