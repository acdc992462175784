// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CPU kernels over little-endian bytes at any alignment. The Swift side checks sizes; the kernels read and
 * write only within the fields and counts below. They do not allocate; the only state is the helper
 * threads of ck_parallel. */

/* Element formats; the same numbers as FloatFormat in Swift. */
enum { ck_f64 = 0, ck_f32 = 1, ck_bf16 = 2, ck_f16 = 3 };

/* Instruction sets; the same numbers as InstructionSet in Swift. */
enum { ck_baseline = 0, ck_avx2 = 1, ck_avx512 = 2, ck_avx512bf16 = 3 };

/* Whether this CPU can run a set. */
int ck_is_available(int instruction_set);

/* A run of prompts of one task. */
typedef struct {
  size_t columns; /* the offset of the task's columns [positions, rank], in elements */
  size_t rows;    /* the offset of the task's rows [rank, width], in elements */
  size_t first, count; /* the prompts: a range of ck_forward_job.prompts */
} ck_task_run;

/* Output rows of the forward, for each prompt b of a task run and each position l of a range:
 * output[b, l, d] = embeddings[indices[b, l], d] * sum over r of columns[l, r] * rows[r, d].
 * The tensors have one format, and any alignment. The output may not overlap an input. */
typedef struct {
  const void *_Nullable columns;
  const void *_Nullable rows;
  const void *_Nullable embeddings;    /* [.., width] */
  const intptr_t *_Nullable indices;   /* [prompts, length] */
  const intptr_t *_Nullable prompts;   /* those to compute, run after run */
  const ck_task_run *_Nullable task_runs;
  size_t task_run_count, prompt_count;
  size_t length, rank, width;
  size_t position, position_end; /* the range of positions */
  void *_Nullable output;        /* [rows, width], the first being row `first_row` of [prompts, length] */
  size_t first_row;
  uint8_t format;
  /* The division of the work and the kind of stores; set by ck_forward_prepare. */
  uint8_t streams;      /* whether stores go past the caches */
  size_t block;         /* the number of columns computed at a time */
  size_t chunk;         /* the number of positions computed at a time */
  size_t scratch_bytes; /* the memory that each thread needs, a multiple of 64 */
} ck_forward_job;

void ck_forward_prepare(ck_forward_job *_Nonnull job);

/* Computes the job on up to `threads` threads, including the caller's.
 * scratch: scratch_bytes for each thread, at a multiple of 64. */
void ck_forward(const ck_forward_job *_Nonnull job, int instruction_set, size_t threads,
                void *_Nullable scratch);

/* Converts count elements. The two may not overlap. */
void ck_convert(void *_Nullable target, int target_format, const void *_Nullable source,
                int source_format, size_t count, int instruction_set);

/* Element types of casts: the formats above, and these; the same numbers as CastElement in Swift. */
enum {
  ck_float8_e4m3fn = 4,
  ck_float8_e5m2 = 5,
  ck_float8_e4m3fnuz = 6,
  ck_float8_e5m2fnuz = 7,
  ck_float8_e8m0fnu = 8,
  ck_bool = 9,
  ck_u8 = 10,
  ck_i8 = 11,
  ck_u16 = 12,
  ck_i16 = 13,
  ck_u32 = 14,
  ck_i32 = 15,
  ck_u64 = 16,
  ck_i64 = 17,
  ck_c64 = 18
};

/* Counts of a cast; see CastCounts in Swift. */
typedef struct {
  size_t saturated, infinite, infinite_from_finite, nan, nan_from_number, sign_lost;
} ck_cast_counts;

/* Casts count elements from one type to another as torch does (spec/casts.md), and adds to the
 * counts. C64 is a target only. The two may not overlap. Returns count, or the index of the first
 * element outside the range of an integer target. */
size_t ck_cast(void *_Nullable target, int target_type, const void *_Nullable source,
               int source_type, size_t count, ck_cast_counts *_Nonnull counts,
               int instruction_set);

/* The share of the rounding-error bound that each element of one output row uses, by f64 arithmetic.
 * All operands are f64, at their natural alignment. A share is NaN or
 * infinite if f64 is not exact enough. */
typedef struct {
  const double *_Nonnull columns;   /* [rank] */
  const double *_Nonnull rows;      /* [rank, width] */
  const double *_Nonnull embedding; /* [width] */
  const double *_Nonnull output;    /* [width] */
  double *_Nonnull shares;          /* [width], written */
  size_t rank, width;
  double gamma, accumulator_floor; /* g, and rank * eta' / 2 */
  double product_unit, product_floor; /* u and eta / 2 of a half type, 0 and 0 otherwise */
  double unit, floor; /* u and eta / 2 of the output */
  uint8_t is_f64;     /* whether the output is F64, judged in pairs of f64 */
} ck_bound_row;

void ck_bound(const ck_bound_row *_Nonnull row, int instruction_set);

/* A survey of the values of a tensor, continued from one part of it to the next; see ValueSurvey in
 * Swift. An element is special (NaN or infinite) if the bits of special_mask are those of special_bits,
 * and is zero if none of value_mask is set. */
typedef struct {
  uint64_t special_mask, special_bits, value_mask;
  uint64_t one;         /* the bits of the number 1 */
  size_t count;         /* the elements so far */
  size_t special_count; /* the special ones */
  size_t first_special; /* the index of the first of them, if there is one */
  size_t other_count;   /* 0 if all elements are the number 1, else any other number */
  size_t nonzero_end;   /* one more than the index of the last that is not zero; 0 if all are */
} ck_value_survey;

/* Adds count elements of 1, 2, 4 or 8 bytes to a survey. */
void ck_survey_values(const void *_Nullable values, int element_size, size_t count,
                      ck_value_survey *_Nonnull survey, int instruction_set);

/* Rows of the product of two matrices, and of the product of their magnitudes, in f64, summed in ascending
 * order, each step rounded. All operands are at their natural alignment. With `lower`, sums are
 * kept in two f64 numbers that do not overlap: values and lower. */
typedef struct {
  const double *_Nonnull left;        /* [rows, rank] */
  const double *_Nullable left_lower; /* the same; with `lower` only */
  const double *_Nonnull right;       /* [rank, width] */
  const double *_Nullable right_lower; /* the same; with `lower` only */
  const double *_Nonnull right_magnitudes; /* [rank, width] */
  double *_Nonnull values;            /* [rows, width], written */
  double *_Nullable lower;            /* the same, or null */
  double *_Nonnull magnitudes;        /* [rows, width], written: of |left| and right_magnitudes */
  size_t rows, rank, width;
} ck_product_job;

void ck_product(const ck_product_job *_Nonnull job, int instruction_set);

/* A block of rows of a matrix that is decomposed into Q and a triangle (QR), block by block. Its width
 * is a multiple of 8. */
typedef struct {
  double *_Nonnull rows;    /* [count, width]; replaced by the reflections */
  double *_Nonnull factors; /* [width, 8], written: what the reflections are weighted with */
  size_t count, width;
} ck_qr_block;

/* Reflects the rows of a block into the triangle above them, [width, width], upper and row-major. */
void ck_qr_reduce(const ck_qr_block *_Nonnull block, double *_Nonnull triangle, int instruction_set);

/* Takes the reflections of a block back: of the matrix `top` [width, stride] above `rows` [count, stride],
 * stride being a multiple of 8. */
void ck_qr_expand(const ck_qr_block *_Nonnull block, double *_Nonnull top, double *_Nonnull rows,
                  size_t stride, int instruction_set);

/* What rounding left of the changes of some elements: sums over elements in ascending rows, kept apart for the
 * columns with each remainder of a division by 16. */
typedef struct {
  double changes[16];  /* of the squares of the changes */
  double added[16];    /* of the squares of the differences of the elements after and before */
  double products[16]; /* of the products of both */
  size_t changed;      /* the number of elements with another value than before */
} ck_update_sums;

/* Rows of a weight that are changed and rounded: with F32 accumulators (F64 for an F64 weight),
 *   change = addend + sum over r of left[row, r] * right[r, column], r ascending, each step rounded,
 *   output = round(weight + change), or with `totals` output = round(factor * totals), the factor being that
 *   of the row, of the column or 1, and the change the difference to the weight.
 * The output may be the weight; otherwise they do not overlap. Any alignment. */
typedef struct {
  const void *_Nullable weight;         /* [rows, width] */
  void *_Nullable output;               /* [rows, width] */
  const void *_Nullable left;           /* accumulators [rows, rank] */
  const void *_Nullable right;          /* accumulators [rank, width] */
  const void *_Nullable addend;         /* accumulators [rows, width], or null for 0 */
  const void *_Nullable totals;         /* accumulators [rows, width], or null */
  const void *_Nullable row_factors;    /* accumulators [rows], or null */
  const void *_Nullable column_factors; /* accumulators [width], or null */
  void *_Nullable scratch; /* ck_update_scratch() bytes, at a multiple of 8 */
  size_t rows, width, rank;
  uint8_t format;
  uint8_t rounds_change; /* whether the change is rounded to the format before it is added */
  uint8_t makes_totals;  /* whether the output is weight + change as accumulators, without a sum */
} ck_update_job;

/* The bytes of scratch memory that an update on a number of threads needs. */
size_t ck_update_scratch(size_t rows, size_t width, size_t rank, size_t threads);

/* Updates the rows on up to `threads` threads, including the caller's, and sets the sums. */
void ck_update(const ck_update_job *_Nonnull job, ck_update_sums *_Nonnull sums, int instruction_set,
               size_t threads);

/* Adds the squares of accumulators [rows, width], in f64, to the sums of their rows [rows] or columns
 * [width]; one of both is null. */
void ck_add_squares(const void *_Nullable totals, int is_f64, size_t rows, size_t width,
                    double *_Nullable row_squares, double *_Nullable column_squares);

/* Adds the product of a matrix [rows, depth], whose elements are any steps apart, and one of few columns,
 * summed in ascending order. The width is a multiple of 8. */
typedef struct {
  const double *_Nonnull matrix; /* element (i, t) is at i * row_step + t * step */
  const double *_Nonnull right;  /* [depth, width] */
  double *_Nonnull out;          /* [rows, width], added to */
  size_t rows, depth, width, row_step, step;
} ck_thin_job;

void ck_thin_product(const ck_thin_job *_Nonnull job, int instruction_set);

/* The columns of a small matrix that are being made orthogonal. Heights are multiples of 8. */
typedef struct {
  double *_Nonnull columns; /* [count, height]: one column after the other, padded with zeros */
  double *_Nonnull vectors; /* [count, size]: what is rotated with them */
  size_t count, height, size;
} ck_jacobi_job;

/* Rotates every pair of columns that are not orthogonal, once. Returns the number of those. */
size_t ck_jacobi_sweep(const ck_jacobi_job *_Nonnull job, int instruction_set);

/* The number of leading bytes in which two buffers agree, in whole blocks of 4096 and then exactly. */
size_t ck_equal_prefix(const void *_Nullable left, const void *_Nullable right, size_t count);

/* Calls work(context, n) on the calling thread, with n = 0, and on up to threads - 1 helpers at the
 * same time, with n = 1, 2, ... Each call must take shares of the work until none is left: helpers may
 * join late or not at all. Helpers are started when they are first needed, and sleep between calls. */
void ck_parallel(void (*_Nonnull work)(void *_Nullable context, size_t worker),
                 void *_Nullable context, size_t threads);

/* Whether this CPU has carry-less multiplication, which ck_crc32_fold needs. */
int ck_crc32_is_available(void);

/* Folds `count` bytes, at least 64 and a multiple of 16, into 16 bytes that take the CRC-32 register from
 * zero to the same value as those bytes take it from `state`. */
void ck_crc32_fold(uint32_t state, const void *_Nonnull bytes, size_t count, void *_Nonnull remainder);

/* Copies a matrix of rows x columns elements of 1, 2, 4 or 8 bytes transposed: element [row, column] of
 * the source becomes [column, row] of the target. The strides are the distances of rows in elements, at
 * least the length of a row. */
void ck_transpose(void *_Nonnull target, size_t target_stride, const void *_Nonnull source,
                  size_t source_stride, size_t rows, size_t columns, size_t element_size);
