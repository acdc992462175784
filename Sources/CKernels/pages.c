// SPDX-License-Identifier: Apache-2.0
/* Advice to the system about memory. Addresses are rounded inwards to whole pages. */

#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/mman.h>
#endif

#include "include/CKernels.h"

#if defined(__linux__)
static void advise(void *start, size_t byte_count, size_t page, int advice) {
  size_t before = -(uintptr_t)start % page;
  if (byte_count < before + page) return;
  madvise((char *)start + before, (byte_count - before) / page * page, advice);
}
#endif

void ck_advise_huge_pages(void *start, size_t byte_count) {
#if defined(__linux__)
  advise(start, byte_count, (size_t)2 << 20, MADV_HUGEPAGE);
#else
  (void)start;
  (void)byte_count;
#endif
}

void ck_advise_unused(void *start, size_t byte_count) {
#if defined(__linux__) && defined(MADV_FREE)
  advise(start, byte_count, (size_t)2 << 20, MADV_FREE);
#else
  (void)start;
  (void)byte_count;
#endif
}
