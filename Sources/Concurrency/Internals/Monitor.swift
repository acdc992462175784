#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// A value that threads share and wait for: a mutex and a condition.
@safe
package final class Monitor<Value>: @unchecked Sendable {
  // SAFETY: `value` is touched only while the mutex is held; both allocations live as long as `self`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: Value

  package init(_ value: Value) {
    self.value = value
    // SAFETY: each is initialized here, before anybody uses it, and destroyed in `deinit`.
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    // SAFETY: nobody holds or waits for what belongs to an object without owners.
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Changes the value, alone, and wakes those who wait for it.
  package func withLock<R>(_ body: (inout Value) -> R) -> R {
    // SAFETY: locked and unlocked in pairs, by this thread.
    unsafe pthread_mutex_lock(mutex)
    defer {
      unsafe pthread_cond_broadcast(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
    return body(&value)
  }

  /// Waits until `body`, which may change the value, returns something.
  package func wait<R>(_ body: (inout Value) -> R?) -> R {
    // SAFETY: as in `withLock`; waiting gives the mutex up and takes it again.
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

  /// Waits until `body` returns something, but not much longer than so many milliseconds.
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
