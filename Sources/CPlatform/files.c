// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#endif
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

/* Maps every errno that means "this kernel or file system lacks the call" to ENOTSUP, which callers handle. */
static int normalized(int result) {
  if (result != 0 && (errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP)) errno = ENOTSUP;
  return result;
}

#if defined(__linux__)
/* Some C libraries lack the call and its constants. */
enum { rename_no_replace = 1, rename_exchange = 2 };

static int rename_with(const char *from, const char *to, unsigned flags) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}
#endif

int cp_rename_exclusive(const char *from, const char *to) {
#if defined(__APPLE__)
  return normalized(renamex_np(from, to, RENAME_EXCL));
#else
  return normalized(rename_with(from, to, rename_no_replace));
#endif
}

int cp_rename_exchange(const char *first, const char *second) {
#if defined(__APPLE__)
  return normalized(renamex_np(first, second, RENAME_SWAP));
#else
  return normalized(rename_with(first, second, rename_exchange));
#endif
}

ssize_t cp_copy_range(int source, int64_t offset, int destination, int64_t place, size_t count) {
#if defined(__linux__)
  off_t from = offset, to = place;
  ssize_t copied = copy_file_range(source, &from, destination, &to, count, 0);
  if (copied < 0 && (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP ||
                     errno == EPERM)) {
    errno = ENOTSUP;
  }
  return copied;
#else
  (void)source, (void)offset, (void)destination, (void)place, (void)count;
  errno = ENOTSUP;
  return -1;
#endif
}

ssize_t cp_list(int descriptor, void *buffer, size_t byte_count) {
#ifdef __linux__
  return syscall(SYS_getdents64, descriptor, buffer, byte_count);
#else
  (void)descriptor, (void)buffer, (void)byte_count;
  errno = ENOTSUP;
  return -1;
#endif
}

int cp_sync(int descriptor) {
#if defined(__APPLE__)
  if (fcntl(descriptor, F_FULLFSYNC) == 0) return 0;
#endif
  return fsync(descriptor);
}

int cp_lock(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }

int cp_preallocate(int descriptor, int64_t count) {
#if defined(__linux__)
  int result;
  do result = fallocate(descriptor, 0, 0, count);
  while (result != 0 && errno == EINTR);
  return normalized(result);
#else
  (void)descriptor, (void)count;
  errno = ENOTSUP;
  return -1;
#endif
}

void cp_start_writeback(int descriptor, int64_t offset, int64_t count) {
#if defined(__linux__)
  sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor, (void)offset, (void)count;
#endif
}

void cp_raise_file_limit(void) {
  static const rlim_t enough = 65536;
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
  rlim_t most = limit.rlim_max < enough ? limit.rlim_max : enough;
#if defined(__APPLE__)
  /* The kernel refuses more than OPEN_MAX, even if the hard limit is higher. */
  if (most > OPEN_MAX) most = OPEN_MAX;
#endif
  if (most <= limit.rlim_cur) return;
  limit.rlim_cur = most;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static volatile sig_atomic_t noted_signal = 0;

static void note_signal(int signal) { noted_signal = signal; }

void cp_note_signals(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t index = 0; index < sizeof(signals) / sizeof(signals[0]); index++) {
    struct sigaction previous;
    /* A signal that the caller ignores (nohup) stays ignored. */
    if (sigaction(signals[index], NULL, &previous) != 0 || previous.sa_handler == SIG_IGN) continue;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(signals[index], &action, NULL);
  }
  /* A write beyond the file size limit must fail instead of ending the process, so that the caller can clean up. */
  signal(SIGXFSZ, SIG_IGN);
}

int cp_noted_signal(void) { return noted_signal; }

void cp_die_by_signal(int number) {
  signal(number, SIG_DFL);
  raise(number);
}

int cp_terminal_width(int descriptor) {
  struct winsize size;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
