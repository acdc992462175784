// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "CThreads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct ct_thread {
  pthread_t thread;
  void (*body)(void *context);
  void *context;
};

static void *run(void *argument) {
  ct_thread *thread = argument;
  thread->body(thread->context);
  return NULL;
}

ct_thread *ct_thread_start(void (*body)(void *), void *context) {
  ct_thread *thread = malloc(sizeof *thread);
  if (thread == NULL) return NULL;
  thread->body = body;
  thread->context = context;
  /* The new thread inherits a mask that blocks all signals: only the program's own threads handle them. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  /* The usual stack size of the main thread; some C libraries default to much less. */
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 8 << 20);
  int failure = pthread_create(&thread->thread, &attributes, run, thread);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failure == 0) return thread;
  free(thread);
  return NULL;
}

void ct_thread_join(ct_thread *thread) {
  pthread_join(thread->thread, NULL);
  free(thread);
}

int ct_cpu_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : (int)count;
}
