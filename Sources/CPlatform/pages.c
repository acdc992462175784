// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "CPlatform.h"

#if defined(__linux__)
static const uintptr_t large_page = (uintptr_t)2 << 20;
#endif

void cp_prefer_large_pages(void *start, size_t byte_count) {
#if defined(__linux__)
  /* The call takes whole pages. The end is rounded down to a large page, since less cannot be one. The start
     is rounded down to a small page: a large allocation often begins a few bytes after the start of a large
     page, and rounding up would lose that page. */
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t first = (uintptr_t)start / page * page;
  uintptr_t end = ((uintptr_t)start + byte_count) / large_page * large_page;
  if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
  (void)start;
  (void)byte_count;
#endif
}

void cp_release_pages(void *start, size_t byte_count) {
#if defined(__linux__) && defined(MADV_FREE)
  /* Only pages that are wholly inside. */
  uintptr_t first = ((uintptr_t)start + large_page - 1) / large_page * large_page;
  uintptr_t end = ((uintptr_t)start + byte_count) / large_page * large_page;
  if (first < end) madvise((void *)first, end - first, MADV_FREE);
#else
  (void)start;
  (void)byte_count;
#endif
}

void cp_forget_pages(const void *start, size_t byte_count) {
#if defined(__linux__)
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t first = ((uintptr_t)start + page - 1) / page * page;
  uintptr_t end = ((uintptr_t)start + byte_count) / page * page;
  if (first < end) madvise((void *)first, end - first, MADV_DONTNEED);
#else
  (void)start;
  (void)byte_count;
#endif
}
