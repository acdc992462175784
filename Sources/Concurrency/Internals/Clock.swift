// SPDX-License-Identifier: Apache-2.0
#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// The clocks of the operating system.
enum Clock {
  /// Nanoseconds of a clock that is never set back or forward.
  static var monotonicNanoseconds: UInt64 {
    var time = timespec()
    // SAFETY: the value outlives the call.
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
