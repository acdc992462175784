internal import Synchronization

/// A count of bytes that one thread adds to and others look at.
public final class ByteCounter: Sendable {
  private let count = Atomic<Int>(0)

  /// Starts at zero.
  public init() {}

  /// The bytes so far.
  public var value: Int { count.load(ordering: .relaxed) }

  /// Adds bytes.
  public func add(_ byteCount: Int) {
    count.wrappingAdd(byteCount, ordering: .relaxed)
  }
}
