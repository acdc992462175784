// SPDX-License-Identifier: Apache-2.0
/* The least that any converter pays for one large file: threads that read a megabyte and write it to
   its place, and neither look at it nor do anything else.

       BareCopy SOURCE DESTINATION THREADS

   DESTINATION must not exist. */

#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, MOST_THREADS = 64 };

static int source, destination;
static long long byte_count;
static atomic_llong next_offset;

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void *copy(void *unused) {
  void *chunk = NULL;
  if ((errno = posix_memalign(&chunk, 4096, CHUNK)) != 0) fail("memory");
  for (long long offset; (offset = atomic_fetch_add(&next_offset, CHUNK)) < byte_count;) {
    size_t count = byte_count - offset < CHUNK ? (size_t)(byte_count - offset) : CHUNK;
    if (pread(source, chunk, count, offset) != (ssize_t)count) fail("read");
    if (pwrite(destination, chunk, count, offset) != (ssize_t)count) fail("write");
  }
  free(chunk);
  return unused;
}

int main(int count, char **arguments) {
  int thread_count = count == 4 ? atoi(arguments[3]) : 0;
  if (thread_count < 1 || thread_count > MOST_THREADS) {
    fprintf(stderr, "usage: BareCopy SOURCE DESTINATION THREADS\n");
    return 64;
  }
  struct stat status;
  source = open(arguments[1], O_RDONLY | O_CLOEXEC);
  if (source < 0 || fstat(source, &status) != 0) fail(arguments[1]);
  byte_count = status.st_size;
  destination = open(arguments[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (destination < 0) fail(arguments[2]);
#if defined(__linux__)
  if (fallocate(destination, 0, 0, byte_count) != 0) fail("space");
#endif
  pthread_t threads[MOST_THREADS];
  for (int index = 1; index < thread_count; index++) {
    if (pthread_create(&threads[index], NULL, copy, NULL) != 0) fail("thread");
  }
  copy(NULL);
  for (int index = 1; index < thread_count; index++) pthread_join(threads[index], NULL);
  return close(destination) == 0 ? 0 : 2;
}
