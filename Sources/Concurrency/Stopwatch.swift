// SPDX-License-Identifier: Apache-2.0

/// A measurement of elapsed time.
public struct Stopwatch: Sendable {
  private let start: UInt64

  /// Starts measuring.
  public init() {
    start = Clock.monotonicNanoseconds
  }

  /// Seconds since the start, unaffected by changes of the system time.
  public var seconds: Double { Double(Clock.monotonicNanoseconds - start) / 1e9 }
}
