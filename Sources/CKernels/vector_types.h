// SPDX-License-Identifier: Apache-2.0
/* The vectors of one instruction set: of the accumulators, and of as many half numbers. Included by
 * kernels_*.c. */

typedef double CK_NAME(v64) __attribute__((vector_size(CK_VECTOR_BYTES)));
typedef int64_t CK_NAME(i64) __attribute__((vector_size(CK_VECTOR_BYTES)));
typedef float CK_NAME(v32) __attribute__((vector_size(CK_VECTOR_BYTES)));
typedef int32_t CK_NAME(i32) __attribute__((vector_size(CK_VECTOR_BYTES)));
typedef uint32_t CK_NAME(u32) __attribute__((vector_size(CK_VECTOR_BYTES)));
typedef uint16_t CK_NAME(u16) __attribute__((vector_size(CK_VECTOR_BYTES / 2)));
/* A whole register of half numbers. */
typedef uint16_t CK_NAME(u16x2) __attribute__((vector_size(CK_VECTOR_BYTES)));
