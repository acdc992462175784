// SPDX-License-Identifier: Apache-2.0

/// A comparison of two runs of elements as values: −0 equals +0 and NaN equals NaN.
public struct ValueComparison: Hashable, Sendable {
  /// The number of pairs.
  public var elementCount = 0
  /// The pairs of equal values.
  public var equalCount = 0
  /// The largest distance of a pair, as in `FloatFormat.ulpDistance(_:_:)`.
  public var largestDistance: UInt64 = 0
  /// The first pair at that distance, or nil when all are equal.
  public var largestDistanceIndex: Int?

  /// Whether all pairs are equal.
  public var isEqual: Bool { equalCount == elementCount }

  /// Creates an empty comparison.
  public init() {}

  /// Compares two runs of elements.
  ///
  /// - Parameters:
  ///   - left: whole elements of `format`, little endian, at any alignment.
  ///   - right: as many of them; another number traps.
  ///   - format: the format of the elements.
  /// - Complexity: O(elements), no allocation. Equal bytes are compared at the speed of memory.
  public init(_ left: RawSpan, _ right: RawSpan, format: FloatFormat) {
    self.init()
    precondition(left.byteCount == right.byteCount, "runs of different lengths")
    precondition(left.byteCount.isMultiple(of: format.byteCount), "runs must hold whole elements")
    let count = left.byteCount / format.byteCount
    elementCount = count
    equalCount = count
    // After a difference, equal runs are searched for only now and then, since differences cluster.
    let stride = 1024
    var index = 0
    while index < count {
      index +=
        equalPrefixByteCount(
          left.extracting((index * format.byteCount)...),
          right.extracting((index * format.byteCount)...)) / format.byteCount
      for index in index..<min(index + stride, count) {
        let distance = format.ulpDistance(
          format.bits(of: index, in: left), format.bits(of: index, in: right))
        add(distance, at: index)
      }
      index += stride
    }
  }

  private mutating func add(_ distance: UInt64, at index: Int) {
    guard distance > 0 else { return }
    equalCount -= 1
    if distance > largestDistance {
      largestDistance = distance
      largestDistanceIndex = index
    }
  }
}
