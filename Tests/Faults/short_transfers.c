// SPDX-License-Identifier: Apache-2.0
/* Preloaded: reads, writes and copies of regular files do less than they are asked to, as they may,
   and now and then are interrupted before they do anything. Both by a generator that starts from
   SHORT_SEED. At the end the number of calls cut short is written to the file SHORT_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic uint64_t state;
static atomic_ulong shortened;

static uint64_t next_random(void) {
  uint64_t z = atomic_fetch_add(&state, 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int is_regular(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

/* Sometimes a few bytes, mostly some part; never 0, which would mean the end. */
static size_t fewer(size_t count) {
  if (count < 2) return count;
  uint64_t random = next_random();
  atomic_fetch_add(&shortened, 1);
  size_t most = random % 8 == 0 ? 16 : count;
  return 1 + (random >> 8) % (most < count ? most : count);
}

static int is_interrupted(void) {
  if (next_random() % 16 != 0) return 0;
  errno = EINTR;
  return 1;
}

__attribute__((constructor)) static void start(void) {
  const char *seed = getenv("SHORT_SEED");
  state = seed ? strtoull(seed, NULL, 10) : 1;
}

__attribute__((destructor)) static void finish(void) {
  const char *path = getenv("SHORT_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%lu\n", (unsigned long)shortened);
  fclose(file);
}

#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (!is_regular(descriptor)) return NEXT(write)(descriptor, bytes, count);
  if (is_interrupted()) return -1;
  return NEXT(write)(descriptor, bytes, fewer(count));
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  if (!is_regular(descriptor)) return NEXT(pwrite)(descriptor, bytes, count, offset);
  if (is_interrupted()) return -1;
  return NEXT(pwrite)(descriptor, bytes, fewer(count), offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return pwrite(descriptor, bytes, count, offset);
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
  if (!is_regular(descriptor)) return NEXT(pread)(descriptor, bytes, count, offset);
  if (is_interrupted()) return -1;
  return NEXT(pread)(descriptor, bytes, fewer(count), offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
  return pread(descriptor, bytes, count, offset);
}

ssize_t copy_file_range(int source, off64_t *from, int destination, off64_t *to, size_t count,
                        unsigned flags) {
  if (is_interrupted()) return -1;
  return NEXT(copy_file_range)(source, from, destination, to, fewer(count), flags);
}
