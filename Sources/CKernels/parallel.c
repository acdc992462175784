// SPDX-License-Identifier: Apache-2.0
/* Threads that help the caller with its work. */

#include "include/CKernels.h"

#include <pthread.h>
#include <signal.h>

enum { most_helpers = 63 };

/* Guards all of the following. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t call = PTHREAD_COND_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static struct {
  void (*work)(void *context, size_t worker);
  void *context;
  int is_taken;    /* whether a caller is using the helpers */
  size_t helpers;  /* that have been started */
  size_t called;   /* that may still join the work at hand */
  size_t joined;   /* that are at it */
} state;

static void *help(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (state.called == 0) pthread_cond_wait(&call, &lock);
    size_t worker = state.called--;
    state.joined++;
    pthread_mutex_unlock(&lock);
    state.work(state.context, worker);
    pthread_mutex_lock(&lock);
    if (--state.joined == 0) pthread_cond_signal(&finished);
  }
  return NULL;
}

/* A child process has none of the threads, and no other thread in it holds the lock. */
static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void after_fork_in_child(void) {
  state.is_taken = 0;
  state.helpers = state.called = state.joined = 0;
  pthread_cond_init(&call, NULL);
  pthread_cond_init(&finished, NULL);
  pthread_mutex_unlock(&lock);
}

static void watch_forks(void) { pthread_atfork(before_fork, after_fork, after_fork_in_child); }

/* Signals are for the program's own threads. */
static int start_helper(void) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = pthread_create(&thread, NULL, help, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failure == 0) pthread_detach(thread);
  return failure;
}

void ck_parallel(void (*work)(void *context, size_t worker), void *context, size_t threads) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  size_t wanted = threads == 0 ? 0 : threads - 1;
  if (wanted > most_helpers) wanted = most_helpers;
  if (wanted == 0) {
    work(context, 0);
    return;
  }
  pthread_once(&once, watch_forks);
  pthread_mutex_lock(&lock);
  if (state.is_taken) {
    pthread_mutex_unlock(&lock);
    work(context, 0);
    return;
  }
  state.is_taken = 1;
  while (state.helpers < wanted && start_helper() == 0) state.helpers++;
  state.work = work;
  state.context = context;
  state.called = wanted < state.helpers ? wanted : state.helpers;
  pthread_cond_broadcast(&call);
  pthread_mutex_unlock(&lock);
  work(context, 0);
  pthread_mutex_lock(&lock);
  state.called = 0;
  while (state.joined > 0) pthread_cond_wait(&finished, &lock);
  state.is_taken = 0;
  pthread_mutex_unlock(&lock);
}
