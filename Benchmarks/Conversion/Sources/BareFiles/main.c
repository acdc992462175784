// SPDX-License-Identifier: Apache-2.0
/* What any converter pays for its outputs: for every directory of a tree, a temporary directory is
   made, its files are created, written and closed, and it is renamed to its name. The files are in
   memory before the clock starts.

       BareFiles TREE DESTINATION THREADS

   TREE holds directories that hold files, DESTINATION must not exist. Prints the seconds. */

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 4, LONGEST_PATH = 4096, MOST_THREADS = 64 };

struct file {
  char *name;
  char *bytes;
  size_t count;
};

struct directory {
  char *name;
  struct file files[MOST_FILES];
  int file_count;
};

static struct directory *directories;
static int directory_count;
static atomic_int next_directory;
static const char *destination;

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void join(char *path, const char *parent, const char *name) {
  if (snprintf(path, LONGEST_PATH, "%s/%s", parent, name) >= LONGEST_PATH) fail("path");
}

static struct file read_file(const char *parent, const char *name) {
  char path[LONGEST_PATH];
  join(path, parent, name);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0) fail(path);
  struct file file = {strdup(name), malloc((size_t)status.st_size + 1), (size_t)status.st_size};
  if (read(descriptor, file.bytes, file.count) != (ssize_t)file.count) fail(path);
  close(descriptor);
  return file;
}

static void read_directory(const char *parent, const char *name) {
  char path[LONGEST_PATH];
  join(path, parent, name);
  DIR *stream = opendir(path);
  if (stream == NULL) return; /* a file beside the directories */
  struct directory *directory = &directories[directory_count++];
  directory->name = strdup(name);
  directory->file_count = 0;
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    if (directory->file_count == MOST_FILES) fail("too many files");
    directory->files[directory->file_count++] = read_file(path, entry->d_name);
  }
  closedir(stream);
}

static void read_tree(const char *tree) {
  DIR *stream = opendir(tree);
  if (stream == NULL) fail(tree);
  int room = 0;
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    if (directory_count == room) {
      room = 2 * room + 64;
      directories = realloc(directories, (size_t)room * sizeof(struct directory));
    }
    read_directory(tree, entry->d_name);
  }
  closedir(stream);
}

static void write_file(const char *parent, const struct file *file) {
  char path[LONGEST_PATH];
  join(path, parent, file->name);
  int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path);
  if (write(descriptor, file->bytes, file->count) != (ssize_t)file->count) fail(path);
  if (close(descriptor) != 0) fail(path);
}

static void *write_directories(void *unused) {
  char temporary[LONGEST_PATH], path[LONGEST_PATH], name[LONGEST_PATH];
  for (int index; (index = atomic_fetch_add(&next_directory, 1)) < directory_count;) {
    const struct directory *directory = &directories[index];
    snprintf(name, sizeof name, ".%s.tmp", directory->name);
    join(temporary, destination, name);
    join(path, destination, directory->name);
    if (mkdir(temporary, 0777) != 0) fail(temporary);
    for (int file = 0; file < directory->file_count; file++) {
      write_file(temporary, &directory->files[file]);
    }
    if (rename(temporary, path) != 0) fail(path);
  }
  return unused;
}

int main(int count, char **arguments) {
  int thread_count = count == 4 ? atoi(arguments[3]) : 0;
  if (thread_count < 1 || thread_count > MOST_THREADS) {
    fprintf(stderr, "usage: BareFiles TREE DESTINATION THREADS\n");
    return 64;
  }
  read_tree(arguments[1]);
  destination = arguments[2];
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (mkdir(destination, 0777) != 0) fail(destination);
  pthread_t threads[MOST_THREADS];
  for (int index = 1; index < thread_count; index++) {
    if (pthread_create(&threads[index], NULL, write_directories, NULL) != 0) fail("thread");
  }
  write_directories(NULL);
  for (int index = 1; index < thread_count; index++) pthread_join(threads[index], NULL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.9f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
  return 0;
}
