// SPDX-License-Identifier: Apache-2.0
/* The choice among the instruction sets, made at each call: a few loads, no state of ours. */

#include "include/CKernels.h"

#include <string.h>

#define CK_DECLARE(set)                                                                            \
  void ck_##set##_convert(void *target, int target_format, const void *source, int source_format,  \
                          size_t count);                                                           \
  void ck_##set##_cast(void *target, int target_type, const void *source, int source_type,         \
                       size_t count, ck_cast_counts *counts, size_t *done);                        \
  void ck_##set##_bound(const ck_bound_row *row);                                                  \
  void ck_##set##_survey_values(const void *values, int element_size, size_t count,                \
                                ck_value_survey *survey);                                       \
  void ck_##set##_product(const ck_product_job *job);                                              \
  void ck_##set##_qr_reduce(const ck_qr_block *block, double *triangle);                           \
  void ck_##set##_qr_expand(const ck_qr_block *block, double *top, double *rows, size_t stride);   \
  void ck_##set##_thin_product(const ck_thin_job *job);                                            \
  void ck_##set##_jacobi_sweep(const ck_jacobi_job *job, size_t *rotations);

CK_DECLARE(baseline)
CK_DECLARE(avx2)
CK_DECLARE(avx512)

#if defined(__x86_64__)
#define CK_DISPATCH(set, function, ...)                                                            \
  switch (set) {                                                                                   \
  case ck_avx512bf16:                                                                              \
  case ck_avx512: ck_avx512_##function(__VA_ARGS__); break;                                        \
  case ck_avx2: ck_avx2_##function(__VA_ARGS__); break;                                            \
  default: ck_baseline_##function(__VA_ARGS__);                                                    \
  }
#else
#define CK_DISPATCH(set, function, ...)                                                            \
  (void)(set);                                                                                     \
  ck_baseline_##function(__VA_ARGS__);
#endif

int ck_is_available(int instruction_set) {
  if (instruction_set == ck_baseline) return 1;
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
  if (instruction_set == ck_avx2) return avx2;
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (instruction_set == ck_avx512) return avx512;
  return avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return 0;
#endif
}

void ck_convert(void *target, int target_format, const void *source, int source_format,
                size_t count, int instruction_set) {
  CK_DISPATCH(instruction_set, convert, target, target_format, source, source_format, count)
}

size_t ck_cast(void *target, int target_type, const void *source, int source_type, size_t count,
               ck_cast_counts *counts, int instruction_set) {
  size_t done = 0;
  CK_DISPATCH(instruction_set, cast, target, target_type, source, source_type, count, counts, &done)
  return done;
}

void ck_bound(const ck_bound_row *row, int instruction_set) {
  CK_DISPATCH(instruction_set, bound, row)
}

void ck_survey_values(const void *values, int element_size, size_t count, ck_value_survey *survey,
                      int instruction_set) {
  CK_DISPATCH(instruction_set, survey_values, values, element_size, count, survey)
}

void ck_product(const ck_product_job *job, int instruction_set) {
  CK_DISPATCH(instruction_set, product, job)
}

void ck_qr_reduce(const ck_qr_block *block, double *triangle, int instruction_set) {
  CK_DISPATCH(instruction_set, qr_reduce, block, triangle)
}

void ck_qr_expand(const ck_qr_block *block, double *top, double *rows, size_t stride,
                  int instruction_set) {
  CK_DISPATCH(instruction_set, qr_expand, block, top, rows, stride)
}

void ck_thin_product(const ck_thin_job *job, int instruction_set) {
  CK_DISPATCH(instruction_set, thin_product, job)
}

size_t ck_jacobi_sweep(const ck_jacobi_job *job, int instruction_set) {
  size_t rotations = 0;
  CK_DISPATCH(instruction_set, jacobi_sweep, job, &rotations)
  return rotations;
}

size_t ck_equal_prefix(const void *left, const void *right, size_t count) {
  enum { block = 4096 };
  const unsigned char *l = left, *r = right;
  size_t i = 0;
  while (count - i >= block && memcmp(l + i, r + i, block) == 0) i += block;
  while (i < count && l[i] == r[i]) i++;
  return i;
}
