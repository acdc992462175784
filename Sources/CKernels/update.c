// SPDX-License-Identifier: Apache-2.0
/* What updates of all instruction sets share. */

#include "update.h"

#include "formats.h"

/* The widest tile of all sets is 64 accumulators of F32. */
size_t ck_update_scratch(size_t rank) { return rank * 64 * sizeof(float); }

/* Sixteen sums, of every sixteenth column. */
static double row_squares(const void *row, int is_f64, size_t width) {
  double sums[16] = {0};
  for (size_t start = 0; start < width; start += 16) {
    size_t count = width - start < 16 ? width - start : 16;
    for (size_t i = 0; i < count; i++) {
      double value = is_f64 ? ((const ck_file_f64 *)row)[start + i]
                            : (double)((const ck_file_f32 *)row)[start + i];
      sums[i] = sums[i] + value * value;
    }
  }
  for (size_t size = 8; size > 0; size /= 2) {
    for (size_t i = 0; i < size; i++) sums[i] = sums[i] + sums[i + size];
  }
  return sums[0];
}

void ck_add_squares(const void *totals, int is_f64, size_t rows, size_t width, double *by_row,
                    double *by_column) {
  size_t size = is_f64 ? sizeof(double) : sizeof(float);
  for (size_t row = 0; row < rows; row++) {
    const char *values = (const char *)totals + row * width * size;
    if (by_row != NULL) by_row[row] += row_squares(values, is_f64, width);
    for (size_t i = 0; by_column != NULL && i < width; i++) {
      double value = is_f64 ? ((const ck_file_f64 *)values)[i]
                            : (double)((const ck_file_f32 *)values)[i];
      by_column[i] = by_column[i] + value * value;
    }
  }
}
