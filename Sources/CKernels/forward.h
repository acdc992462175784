// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The division of the forward's work: by task run, by columns, and by position. */

#include "include/CKernels.h"

enum {
  ck_tile_rows = 8,    /* the most positions that are computed at a time */
  ck_tile_width = 64,  /* a multiple of the width of every tile */
  ck_position_step = 40, /* a multiple of the rows of every tile */
  ck_panel_rank = 256, /* the most ranks that are packed at a time */
  ck_columns_count = ck_tile_rows * ck_panel_rank,
  ck_panel_count = 32768, /* about how many elements of rows are packed at a time */
  ck_largest_block = 4096,
};

/* The distance between rows of sums: not a multiple of a page, which would crowd the same cache lines. */
static inline size_t ck_stride(const ck_forward_job *job) { return job->block + ck_tile_width; }

/* A share of the work. */
typedef struct {
  const ck_task_run *task_run;
  size_t column, width;
  size_t position, end;
  int has_panel; /* whether the scratch still holds the packed rows of the task run and columns */
} ck_forward_item;
