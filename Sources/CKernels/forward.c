// SPDX-License-Identifier: Apache-2.0
/* The forward: divides the work among the threads. */

#include "forward.h"

#include <stdatomic.h>

#define CK_DECLARE(set)                                                                            \
  void ck_##set##_forward(const ck_forward_job *job, const ck_forward_item *item, void *scratch);
CK_DECLARE(baseline)
CK_DECLARE(avx2)
CK_DECLARE(avx512)
CK_DECLARE(avx512bf16)

static size_t smaller(size_t left, size_t right) { return left < right ? left : right; }
static size_t larger(size_t left, size_t right) { return left > right ? left : right; }
static size_t parts(size_t whole, size_t part) { return whole / part + (whole % part != 0); }

/* Outputs from this size on do not fit the caches anyway: writing past them avoids reading the lines
 * first. */
enum { stream_bytes = 24 << 20 };
/* Shares of about this size are small compared with the whole and large compared with their overhead. */
enum { share_bytes = 256 << 10 };

static size_t element_bytes(int format) { return format == ck_f64 ? 8 : format == ck_f32 ? 4 : 2; }

void ck_forward_prepare(ck_forward_job *job) {
  size_t element = element_bytes(job->format), accumulator = larger(element, sizeof(float));
  size_t positions = job->position_end - job->position;
  size_t rank = smaller(job->rank, ck_panel_rank), block = ck_largest_block;
  if (rank > 1) block = smaller(block, ck_panel_count / rank / ck_tile_width * ck_tile_width);
  job->block = smaller(block, parts(job->width, ck_tile_width) * ck_tile_width);

  size_t rows = larger(1, share_bytes / element / larger(1, job->block));
  size_t chunk = larger(1, rows * job->task_run_count / larger(1, job->prompt_count));
  size_t step = rank == 1 ? 1 : ck_position_step;
  job->chunk = parts(chunk, step) * step;

  size_t sums = (rank == 1 ? 1 : ck_tile_rows) * ck_stride(job);
  size_t panel = rank == 1 ? 0 : rank * job->block;
  job->scratch_bytes = (ck_columns_count + sums + panel) * accumulator;
  job->streams = job->prompt_count * positions * job->width >= stream_bytes / element &&
                 (uintptr_t)job->output % element == 0;
}

typedef struct {
  const ck_forward_job *job;
  int instruction_set;
  char *scratch;
  size_t blocks, chunks;
  atomic_size_t next;
} run;

static void compute(const run *run, const ck_forward_item *item, void *scratch) {
#if defined(__x86_64__)
  switch (run->instruction_set) {
  case ck_avx512bf16:
    if (run->job->format == ck_bf16) {
      ck_avx512bf16_forward(run->job, item, scratch);
      return;
    }
    __attribute__((fallthrough));
  case ck_avx512: ck_avx512_forward(run->job, item, scratch); return;
  case ck_avx2: ck_avx2_forward(run->job, item, scratch); return;
  default: break;
  }
#endif
  ck_baseline_forward(run->job, item, scratch);
}

/* Takes shares until none is left. Those of one task run and block follow one another, so that the rows
 * packed for one serve the next. */
static void work(void *context, size_t worker) {
  run *run = context;
  const ck_forward_job *job = run->job;
  void *scratch = run->scratch + worker * job->scratch_bytes;
  size_t count = job->task_run_count * run->blocks * run->chunks, panel = count;
  for (;;) {
    size_t share = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed);
    if (share >= count) break;
    size_t group = share / run->chunks, block = group / job->task_run_count;
    ck_forward_item item;
    item.task_run = job->task_runs + group % job->task_run_count;
    item.column = block * job->block;
    item.width = smaller(job->block, job->width - item.column);
    item.position = job->position + share % run->chunks * job->chunk;
    item.end = smaller(item.position + job->chunk, job->position_end);
    item.has_panel = group == panel;
    panel = group;
    compute(run, &item, scratch);
  }
#if defined(__x86_64__)
  /* Orders the stores past the caches with other stores. */
  if (job->streams) __builtin_ia32_sfence();
#endif
}

void ck_forward(const ck_forward_job *job, int instruction_set, size_t threads, void *scratch) {
  if (job->width == 0 || job->position_end <= job->position) return;
  size_t count = job->position_end - job->position;
  run run = {.job = job,
             .instruction_set = instruction_set,
             .scratch = scratch,
             .blocks = parts(job->width, job->block),
             .chunks = parts(count, job->chunk)};
  atomic_init(&run.next, 0);
  ck_parallel(work, &run, smaller(threads, job->task_run_count * run.blocks * run.chunks));
}
