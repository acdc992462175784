#pragma once

#include <stddef.h>
#include <stdint.h>

/* CPU kernels over little-endian bytes at any alignment. Sizes are checked by the Swift side; nothing
 * here reads or writes outside what the fields and counts below say. Nothing allocates or keeps state. */

/* Element formats; the same numbers as FloatFormat in Swift. */
enum { ck_f64 = 0, ck_f32 = 1, ck_bf16 = 2, ck_f16 = 3 };

/* Instruction sets; the same numbers as InstructionSet in Swift. */
enum { ck_baseline = 0, ck_avx2 = 1, ck_avx512 = 2 };

/* Whether this CPU can run a set. */
int ck_is_available(int instruction_set);

/* One output row of the forward: output[d] = embedding[d] * sum over r of columns[r] * rows[r][d].
 * The output may not overlap an input. */
typedef struct {
  const void *_Nullable columns;   /* [rank] */
  const void *_Nullable rows;      /* [rank, width], row-major */
  const void *_Nullable embedding; /* [width] */
  void *_Nullable output;          /* [width] */
  size_t rank, width;
  uint8_t columns_format, rows_format, embedding_format, output_format;
} ck_forward_row;

void ck_forward(const ck_forward_row *_Nonnull row, int instruction_set);

/* Converts count elements. The two may not overlap. */
void ck_convert(void *_Nullable target, int target_format, const void *_Nullable source,
                int source_format, size_t count, int instruction_set);

/* The share of the rounding-error bound that each element of one output row uses, by f64 arithmetic.
 * All operands are f64, at their natural alignment. A share is NaN or
 * infinite where f64 cannot say. */
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

/* The number of leading bytes in which two buffers agree, in whole blocks of 4096 and then exactly. */
size_t ck_equal_prefix(const void *_Nullable left, const void *_Nullable right, size_t count);
