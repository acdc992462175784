/* Huge pages, where the system hands them out on request. */

#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/mman.h>
#endif

#include "include/CKernels.h"

void ck_advise_huge_pages(void *start, size_t byte_count) {
#if defined(__linux__)
  const uintptr_t page = (uintptr_t)2 << 20;
  uintptr_t first = ((uintptr_t)start + page - 1) / page * page;
  uintptr_t end = ((uintptr_t)start + byte_count) / page * page;
  if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
  (void)start;
  (void)byte_count;
#endif
}
