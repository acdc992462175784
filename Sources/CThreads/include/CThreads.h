// SPDX-License-Identifier: Apache-2.0
/* Calls for threads and CPUs that Swift cannot import from the C library. */
#pragma once

/* Runs `body` on a new thread that receives no signals; NULL if the system refuses one. */
typedef struct ct_thread ct_thread;
ct_thread *_Nullable ct_thread_start(void (*_Nonnull body)(void *_Nonnull), void *_Nonnull context);

/* Waits until the thread has ended, and releases it. */
void ct_thread_join(ct_thread *_Nonnull thread);

/* The number of CPUs that this process may run on, at least 1. */
int ct_cpu_count(void);
