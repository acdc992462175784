// SPDX-License-Identifier: Apache-2.0

/// A part of a tensor along all its axes: where it begins and how large it is.
struct TensorBox: Hashable, Sendable {
  var offsets: [Int]
  var sizes: [Int]

  /// Whether it has no elements.
  var isEmpty: Bool { sizes.contains(0) }

  /// The number of elements; callers have checked that it can be counted.
  var elementCount: Int { sizes.reduce(1, &*) }

  /// The common part with another box of the same tensor; nil when they have no element in common.
  func intersection(_ other: TensorBox) -> TensorBox? {
    var common = self
    for axis in offsets.indices {
      let start = max(offsets[axis], other.offsets[axis])
      let end = min(offsets[axis] + sizes[axis], other.offsets[axis] + other.sizes[axis])
      guard start < end else { return nil }
      common.offsets[axis] = start
      common.sizes[axis] = end - start
    }
    return common
  }

  /// Whether the elements are consecutive in a row-major tensor of these sizes.
  func isConsecutive(in whole: [Int]) -> Bool {
    // Single elements, then one axis of any size, then whole axes.
    guard let first = sizes.firstIndex(where: { $0 != 1 }) else { return true }
    return sizes[(first + 1)...].elementsEqual(whole[(first + 1)...])
  }

  /// The number of elements of a row-major tensor before the first one of the box.
  func position(in whole: [Int]) -> Int {
    zip(offsets, whole).reduce(0) { $0 &* $1.1 &+ $1.0 }
  }
}

extension TensorBox: CustomStringConvertible {
  /// The indices along each axis, such as `[0..<4, 2..<3]`.
  var description: String {
    let ranges = zip(offsets, sizes).map { "\($0)..<\($0 &+ $1)" }
    return "[" + ranges.joined(separator: ", ") + "]"
  }
}
