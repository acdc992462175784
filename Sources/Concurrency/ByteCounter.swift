// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// A count, mostly of bytes, that threads share: some add to it, others read it.
public final class ByteCounter: Sendable {
  private let count = Atomic<Int>(0)

  /// Creates a counter at zero.
  public init() {}

  /// The number of bytes so far.
  public var value: Int { count.load(ordering: .relaxed) }

  /// Adds `byteCount` bytes.
  public func add(_ byteCount: Int) {
    count.wrappingAdd(byteCount, ordering: .relaxed)
  }
}
