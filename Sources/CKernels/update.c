// SPDX-License-Identifier: Apache-2.0
/* The division of an update's work among threads, and what all instruction sets share. */

#include "update.h"

#include "formats.h"

#include <stdatomic.h>

typedef void update(const ck_update_job *job, const ck_update_share *share, void *panel,
                    ck_update_sums *sums);

update ck_baseline_update;
#if defined(__x86_64__)
update ck_avx2_update, ck_avx512_update, ck_avx512bf16_update;
#endif

static update *chosen(const ck_update_job *job, int instruction_set) {
#if defined(__x86_64__)
  switch (instruction_set) {
  case ck_avx512bf16:
    if (job->format == ck_bf16) return ck_avx512bf16_update;
    __attribute__((fallthrough));
  case ck_avx512: return ck_avx512_update;
  case ck_avx2: return ck_avx2_update;
  default: break;
  }
#else
  (void)job;
  (void)instruction_set;
#endif
  return ck_baseline_update;
}

typedef struct {
  const ck_update_job *job;
  update *update;
  size_t shares, columns; /* in all, and from left to right */
  ck_update_sums *sums;   /* of each share */
  char *panels;           /* of each thread */
  atomic_size_t next;
} run;

static size_t parts(size_t count, size_t size) { return (count + size - 1) / size; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t panel_bytes(size_t rank) { return rank * ck_update_tile * sizeof(float); }

static size_t shares(size_t rows, size_t width) {
  return parts(rows, ck_update_rows) * parts(width, ck_update_columns);
}

size_t ck_update_scratch(size_t rows, size_t width, size_t rank, size_t threads) {
  return shares(rows, width) * sizeof(ck_update_sums) + threads * panel_bytes(rank);
}

/* Takes shares until none is left. */
static void work(void *context, size_t worker) {
  run *run = context;
  const ck_update_job *job = run->job;
  void *panel = run->panels + worker * panel_bytes(job->rank);
  for (;;) {
    size_t number = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed);
    if (number >= run->shares) break;
    ck_update_share share;
    share.row = number / run->columns * ck_update_rows;
    share.end = smaller(share.row + ck_update_rows, job->rows);
    share.column = number % run->columns * ck_update_columns;
    share.column_end = smaller(share.column + ck_update_columns, job->width);
    run->update(job, &share, panel, run->sums + number);
  }
}

static void add(ck_update_sums *sums, const ck_update_sums *others) {
  for (size_t i = 0; i < ck_update_lanes; i++) {
    sums->changes[i] += others->changes[i];
    sums->added[i] += others->added[i];
    sums->products[i] += others->products[i];
  }
  sums->changed += others->changed;
}

void ck_update(const ck_update_job *job, ck_update_sums *sums, int instruction_set,
               size_t threads) {
  memset(sums, 0, sizeof *sums);
  size_t count = shares(job->rows, job->width);
  if (count == 0) return;
  run run = {.job = job,
             .update = chosen(job, instruction_set),
             .shares = count,
             .columns = parts(job->width, ck_update_columns),
             .sums = job->scratch};
  run.panels = (char *)(run.sums + count);
  atomic_init(&run.next, 0);
  ck_parallel(work, &run, smaller(threads, count));
  for (size_t i = 0; i < count; i++) add(sums, run.sums + i);
}

/* Sixteen sums, of every sixteenth column. */
static double row_squares(const char *row, int is_f64, size_t width) {
  double sums[ck_update_lanes] = {0};
  for (size_t start = 0; start < width; start += ck_update_lanes) {
    size_t count = smaller(width - start, ck_update_lanes);
    for (size_t i = 0; i < count; i++) {
      double value = is_f64 ? ((const ck_file_f64 *)row)[start + i]
                            : (double)((const ck_file_f32 *)row)[start + i];
      sums[i] = sums[i] + value * value;
    }
  }
  for (size_t size = ck_update_lanes / 2; size > 0; size /= 2) {
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
