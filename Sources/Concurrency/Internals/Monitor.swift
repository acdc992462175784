// SPDX-License-Identifier: Apache-2.0
#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// A value behind a mutex, with a condition variable for threads that wait for it to change.
@safe
package final class Monitor<Value>: @unchecked Sendable {
  // SAFETY: `value` is accessed only while the mutex is held; both allocations live as long as
  // `self`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: Value

  package init(_ value: Value) {
    self.value = value
    // SAFETY: each is initialized here, before its first use, and destroyed in `deinit`.
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    // SAFETY: the object has no owners left, so that no thread holds the mutex or waits.
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Calls `body` with exclusive access to the value, then wakes the waiting threads.
  package func withLock<R>(_ body: (inout Value) -> R) -> R {
    // SAFETY: each lock is paired with an unlock on this thread.
    unsafe pthread_mutex_lock(mutex)
    defer {
      unsafe pthread_cond_broadcast(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
    return body(&value)
  }

  /// Waits until `body`, which may change the value, returns a result. It is called again after
  /// each change.
  package func wait<R>(_ body: (inout Value) -> R?) -> R {
    // SAFETY: as in `withLock`; waiting releases the mutex and locks it again.
    unsafe pthread_mutex_lock(mutex)
    defer {
      unsafe pthread_cond_broadcast(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
    while true {
      if let result = body(&value) { return result }
      unsafe pthread_cond_wait(condition, mutex)
    }
  }

  /// Waits until `body` returns a result, for about `milliseconds` at most; nil after that time.
  package func wait<R>(milliseconds: Int, _ body: (inout Value) -> R?) -> R? {
    var deadline = timespec()
    // SAFETY: the clock writes one value; the rest as in `wait`.
    unsafe clock_gettime(CLOCK_REALTIME, &deadline)
    deadline.tv_nsec += (milliseconds % 1000) * 1_000_000
    deadline.tv_sec += milliseconds / 1000 + deadline.tv_nsec / 1_000_000_000
    deadline.tv_nsec %= 1_000_000_000
    unsafe pthread_mutex_lock(mutex)
    defer {
      unsafe pthread_cond_broadcast(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
    while true {
      if let result = body(&value) { return result }
      if unsafe pthread_cond_timedwait(condition, mutex, &deadline) != 0 { return body(&value) }
    }
  }
}
