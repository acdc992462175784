// SPDX-License-Identifier: Apache-2.0
/* Calls that Swift cannot import from the C library, those behind _GNU_SOURCE and their Darwin equivalents,
   and advice about memory. A function with a result returns 0 (or a count) on success, else -1 with errno set. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

/* Renames `from` to `to`; fails with EEXIST if `to` exists, ENOTSUP if the file system does not support it. */
int cp_rename_exclusive(const char *_Nonnull from, const char *_Nonnull to);

/* Swaps the entries at two paths; ENOTSUP if the file system does not support it. */
int cp_rename_exchange(const char *_Nonnull first, const char *_Nonnull second);

/* Copies up to `count` bytes between two files, from `offset` to `place`, in the kernel; ENOTSUP where it
   cannot. */
ssize_t cp_copy_range(int source, int64_t offset, int destination, int64_t place, size_t count);

/* Reads entries of an open directory as linux_dirent64 structures, at least one if any are left, and returns their
   bytes; ENOTSUP on other systems. */
ssize_t cp_list(int descriptor, void *_Nonnull buffer, size_t byte_count);

/* The flush that survives a power cut: fsync, or F_FULLFSYNC where fsync only reaches the drive. */
int cp_sync(int descriptor);

/* Takes an advisory lock on a file, without waiting; EWOULDBLOCK when another process has it. */
int cp_lock(int descriptor);

/* Allocates space on the drive for the first `count` bytes, which then read as zeros; ENOTSUP where the
   file system cannot. */
int cp_preallocate(int descriptor, int64_t count);

/* Asks the system to write these bytes to the drive soon; a hint that cannot fail. */
void cp_start_writeback(int descriptor, int64_t offset, int64_t count);

/* Raises this process's limit of open files as far as it may, up to 65,536. */
void cp_raise_file_limit(void);

/* From now on the first SIGINT, SIGTERM or SIGHUP is only recorded; a second one ends the process.
   SIGXFSZ is ignored: the write that causes it fails. */
void cp_note_signals(void);

/* The recorded signal, 0 if there was none. */
int cp_noted_signal(void);

/* Ends the process by `signal`, as if it had not been recorded. */
void cp_die_by_signal(int signal);

/* The columns of a terminal; 0 for what is not one, or gives none. */
int cp_terminal_width(int descriptor);

/* Asks for large pages for memory that is about to be filled, if it has room for some and the system has them;
   they are allocated in a fraction of the time. The contents do not change. */
void cp_prefer_large_pages(void *_Nullable start, size_t byte_count);

/* Lets the system take pages back when memory is short; their contents are then lost. */
void cp_release_pages(void *_Nullable start, size_t byte_count);

/* Lets the kernel take back the pages of a file's mapping that are wholly inside; they are read again when
   they are accessed. */
void cp_forget_pages(const void *_Nonnull start, size_t byte_count);
