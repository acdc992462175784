// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The division of an update's work. It depends on the sizes only, as the sums do. */

#include "include/CKernels.h"

enum {
  /* The most rows of a share: sums over them are taken in the accumulators. */
  ck_update_rows = 480,
  /* The most columns of a share. */
  ck_update_columns = 512,
  /* The most columns of a tile of any set: numbers of F32, and half as many of F64. */
  ck_update_tile = 64,
  ck_update_lanes = 16,
};

/* A share of the work. */
typedef struct {
  size_t row, end;
  size_t column, column_end;
} ck_update_share;
