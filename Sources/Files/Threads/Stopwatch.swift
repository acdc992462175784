#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// The time since it was made.
public struct Stopwatch: Sendable {
  private let start: UInt64

  /// Starts.
  public init() {
    start = Self.now
  }

  /// Seconds so far, by a clock that nobody sets.
  public var seconds: Double { Double(Self.now - start) / 1e9 }

  private static var now: UInt64 {
    var time = timespec()
    // SAFETY: the value outlives the call.
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
