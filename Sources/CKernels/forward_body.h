// SPDX-License-Identifier: Apache-2.0
/* The forward of one instruction set in one format: included by format_body.h.
 *
 * Order of summation: r ascending, one accumulator per element, starting with the first product;
 * multiplication and addition are rounded separately. */

/* The factors of a row's embeddings: sums, or at rank 1 column * row. */
typedef struct {
  const CK_ACCUMULATOR *sums;
  const char *row;
  CK_ACCUMULATOR column;
} CK_F(product);

/* Up to a register of products from place `i` on. */
CK_INLINE void CK_F(multiply_row)(CK_VECTOR *values, const CK_F(product) *product, size_t i,
                                  size_t count) {
  CK_F(read_part)(values, product->row + i * CK_SIZE, count);
  for (size_t v = 0; v < CK_VECTORS; v++) values[v] = product->column * values[v];
  CK_F(round)(values);
}

/* Up to a register of the output from place `i` on: embedding * product. */
CK_INLINE CK_F(elements) CK_F(scaled)(const char *embedding, const CK_F(product) *product, size_t i,
                                      size_t count, int fused) {
  CK_VECTOR values[CK_VECTORS], products[CK_VECTORS];
  CK_F(read_part)(values, embedding + i * CK_SIZE, count);
  if (fused) {
    CK_F(multiply_row)(products, product, i, count);
  } else {
    memcpy(products, product->sums + i, sizeof products);
  }
  for (size_t v = 0; v < CK_VECTORS; v++) values[v] = values[v] * products[v];
  return CK_F(pack)(values);
}

/* A row of the output. The stores are at multiples of their size where the elements are; those that
 * stream past the caches must be. */
CK_INLINE void CK_F(scale_as)(char *restrict output, const char *restrict embedding,
                              const CK_F(product) *product, size_t count, int fused, int streams) {
  size_t head = -(uintptr_t)output % CK_VECTOR_BYTES / CK_SIZE, i = head < count ? head : count;
  if (i > 0) {
    CK_F(elements) part = CK_F(scaled)(embedding, product, 0, i, fused);
    memcpy(output, &part, i * CK_SIZE);
  }
#pragma clang loop unroll_count(2)
  for (; i + CK_ELEMENTS <= count; i += CK_ELEMENTS) {
    CK_F(elements) whole = CK_F(scaled)(embedding, product, i, CK_ELEMENTS, fused);
    if (streams) {
      __builtin_nontemporal_store(whole, (CK_F(elements) *)(output + i * CK_SIZE));
    } else {
      memcpy(output + i * CK_SIZE, &whole, sizeof whole);
    }
  }
  if (i < count) {
    CK_F(elements) part = CK_F(scaled)(embedding, product, i, count - i, fused);
    memcpy(output + i * CK_SIZE, &part, (count - i) * CK_SIZE);
  }
}

static void CK_F(scale)(char *output, const char *embedding, const CK_F(product) *product,
                        size_t count, int streams) {
  int fused = product->sums == NULL;
  if (fused && streams) {
    CK_F(scale_as)(output, embedding, product, count, 1, 1);
  } else if (fused) {
    CK_F(scale_as)(output, embedding, product, count, 1, 0);
  } else if (streams) {
    CK_F(scale_as)(output, embedding, product, count, 0, 1);
  } else {
    CK_F(scale_as)(output, embedding, product, count, 0, 0);
  }
}

/* Elements -> accumulators, in whole registers: elements beyond `count` become zero. */
CK_INLINE void CK_F(unpack)(CK_ACCUMULATOR *restrict target, const char *restrict source,
                            size_t count) {
  for (size_t i = 0; i < count; i += CK_ELEMENTS) {
    CK_VECTOR values[CK_VECTORS];
    CK_F(read_part)(values, source + i * CK_SIZE, count - i);
    memcpy(target + i, values, sizeof values);
  }
}

#if defined(CK_HAS_BF16)
#include "forward_pairs_body.h"
#else
/* The rows of a task in tiles: panel[tile][rank][CK_WIDTH]. */
static void CK_F(pack_rows)(CK_ACCUMULATOR *restrict panel, const char *restrict rows, size_t width,
                            size_t rank, size_t count) {
  for (size_t start = 0; start < count; start += CK_WIDTH) {
    size_t part = count - start < CK_WIDTH ? count - start : CK_WIDTH;
    for (size_t r = 0; r < rank; r++, panel += CK_WIDTH) {
      if (part < CK_WIDTH) memset(panel, 0, CK_WIDTH * sizeof *panel);
      CK_F(unpack)(panel, rows + (r * width + start) * CK_SIZE, part);
    }
  }
}

/* One tile: sums[m][...] (+)= columns[m][r] * panel[r][...] over r ascending. */
static void CK_F(multiply)(CK_ACCUMULATOR *restrict sums, size_t stride,
                           const CK_ACCUMULATOR *restrict columns,
                           const CK_ACCUMULATOR *restrict panel, size_t rank, int first, int last) {
  CK_VECTOR sum[CK_TILE_ROWS][CK_TILE_VECTORS];
  size_t r = first && rank > 0 ? 1 : 0;
#pragma clang loop unroll(full)
  for (int m = 0; m < CK_TILE_ROWS; m++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < CK_TILE_VECTORS; v++) {
      CK_VECTOR zero = {0};
      sum[m][v] = r == 1  ? columns[m * ck_panel_rank] * CK_F(sums_at)(panel + v * CK_LANES)
                  : first ? zero
                          : CK_F(sums_at)(sums + m * stride + v * CK_LANES);
    }
  }
  for (; r < rank; r++) {
#pragma clang loop unroll(full)
    for (int m = 0; m < CK_TILE_ROWS; m++) {
      CK_ACCUMULATOR column = columns[m * ck_panel_rank + r];
#pragma clang loop unroll(full)
      for (int v = 0; v < CK_TILE_VECTORS; v++) {
        sum[m][v] = sum[m][v] + column * CK_F(sums_at)(panel + r * CK_WIDTH + v * CK_LANES);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int m = 0; m < CK_TILE_ROWS; m++) {
#pragma clang loop unroll(full)
    for (size_t v = 0; last && v < CK_TILE_VECTORS; v += CK_VECTORS) CK_F(round)(&sum[m][v]);
#pragma clang loop unroll(full)
    for (int v = 0; v < CK_TILE_VECTORS; v++) {
      memcpy(sums + m * stride + v * CK_LANES, &sum[m][v], sizeof sum[m][v]);
    }
  }
}

/* The products of up to CK_TILE_ROWS positions, into scratch->sums. */
static void CK_F(multiply_rows)(const ck_forward_job *job, const ck_forward_item *item,
                                size_t position, size_t positions, CK_ACCUMULATOR *scratch) {
  CK_ACCUMULATOR *columns = scratch, *sums = columns + ck_columns_count;
  CK_ACCUMULATOR *panel = sums + ck_tile_rows * ck_stride(job);
  const char *from = (const char *)job->columns + item->task_run->columns * CK_SIZE;
  const char *rows = (const char *)job->rows + item->task_run->rows * CK_SIZE;
  size_t start = 0;
  do {
    size_t rank = job->rank - start < ck_panel_rank ? job->rank - start : ck_panel_rank;
    if (rank < job->rank || !item->has_panel) {
      CK_F(pack_rows)(panel, rows + (start * job->width + item->column) * CK_SIZE, job->width, rank,
                 item->width);
    }
    for (size_t m = 0; m < CK_TILE_ROWS; m++) {
      CK_ACCUMULATOR *row = columns + m * ck_panel_rank;
      if (m < positions) {
        CK_COLUMNS(row, from + ((position + m) * job->rank + start) * CK_SIZE, job->format, rank);
      } else {
        memset(row, 0, rank * sizeof *row);
      }
    }
    for (size_t i = 0; i < item->width; i += CK_WIDTH) {
      CK_F(multiply)(sums + i, ck_stride(job), columns, panel + i * rank, rank, start == 0,
                     start + rank == job->rank);
    }
    start += rank;
  } while (start < job->rank);
}
#endif

/* Rank 1: the product of a position, computed once where several prompts share the rounding. */
static CK_F(product) CK_F(row_product)(const ck_forward_job *job, const ck_forward_item *item,
                                       size_t position, CK_ACCUMULATOR *sums) {
  const ck_task_run *run = item->task_run;
  const char *column = (const char *)job->columns + (run->columns + position) * CK_SIZE;
  const char *row = (const char *)job->rows + (run->rows + item->column) * CK_SIZE;
  CK_F(product) product = {.row = row};
  CK_COLUMNS(&product.column, column, job->format, 1);
  if (CK_VECTORS == 1 || run->count == 1) return product;
  for (size_t i = 0; i < item->width; i += CK_ELEMENTS) {
    CK_VECTOR values[CK_VECTORS];
    CK_F(multiply_row)(values, &product, i, item->width - i);
    memcpy(sums + i, values, sizeof values);
  }
  product.sums = sums;
  return product;
}

/* The output of one position for each prompt of the task run. */
static void CK_F(scale_prompts)(const ck_forward_job *job, const ck_forward_item *item,
                                size_t position, const CK_F(product) *product) {
  const ck_task_run *run = item->task_run;
  for (size_t i = run->first; i < run->first + run->count; i++) {
    size_t row = (size_t)job->prompts[i] * job->length + position;
    size_t source = (size_t)job->indices[row] * job->width + item->column;
    size_t target = (row - job->first_row) * job->width + item->column;
    CK_F(scale)((char *)job->output + target * CK_SIZE, (const char *)job->embeddings + source * CK_SIZE,
                product, item->width, job->streams);
  }
}

static void CK_F(forward)(const ck_forward_job *job, const ck_forward_item *item, void *scratch) {
  CK_ACCUMULATOR *sums = (CK_ACCUMULATOR *)scratch + ck_columns_count;
  if (job->rank == 1) {
    for (size_t position = item->position; position < item->end; position++) {
      CK_F(product) product = CK_F(row_product)(job, item, position, sums);
      CK_F(scale_prompts)(job, item, position, &product);
    }
    return;
  }
  ck_forward_item now = *item;
  for (size_t start = item->position; start < item->end; start += CK_TILE_ROWS) {
    size_t count = item->end - start < CK_TILE_ROWS ? item->end - start : CK_TILE_ROWS;
    CK_F(multiply_rows)(job, &now, start, count, scratch);
    now.has_panel = 1;
    for (size_t m = 0; m < count; m++) {
      CK_F(product) product = {.sums = sums + m * ck_stride(job)};
      CK_F(scale_prompts)(job, item, start + m, &product);
    }
  }
}
