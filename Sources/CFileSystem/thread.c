#include "CFileSystem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct cfs_thread {
  pthread_t thread;
  void (*body)(void *context);
  void *context;
};

static void *run(void *argument) {
  cfs_thread *thread = argument;
  thread->body(thread->context);
  return NULL;
}

cfs_thread *cfs_thread_start(void (*body)(void *), void *context) {
  cfs_thread *thread = malloc(sizeof *thread);
  if (thread == NULL) return NULL;
  thread->body = body;
  thread->context = context;
  /* Signals are for the program's own threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = pthread_create(&thread->thread, NULL, run, thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failure == 0) return thread;
  free(thread);
  return NULL;
}

void cfs_thread_join(cfs_thread *thread) {
  pthread_join(thread->thread, NULL);
  free(thread);
}
