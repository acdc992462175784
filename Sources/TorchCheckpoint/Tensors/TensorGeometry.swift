// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The sizes and strides of a view of a storage.
package struct TensorGeometry {
  let sizes: [Int]
  let strides: [Int]
  let elementCount: Int
  /// The size of the data in bytes. An element that the view shows several times counts several times.
  let byteCount: Int
  /// The offset of the first element in the storage, in bytes.
  let start: Int
  /// The end of the last element in the storage, in bytes; 0 for a view without elements, whose offset
  /// torch does not check.
  package let endByte: Int

  /// The largest number of dimensions.
  static let highestRank = 64

  /// Checks a view. The caller compares `endByte` with the size of the storage.
  ///
  /// - Parameter offset: the offset of the first element, in elements.
  /// - Throws: `malformed` when sizes, strides or offset are impossible.
  package init(
    offset: Int, sizes: [Int], strides: [Int], elementByteCount: Int
  ) throws(CheckpointError) {
    guard sizes.count <= Self.highestRank else {
      throw .malformed(
        "has an impossible shape: \(sizes.count) extents, more than \(Self.highestRank)")
    }
    guard sizes.count == strides.count else {
      throw .malformed(
        "has an impossible shape: \(sizes.count) extents and \(strides.count) strides")
    }
    guard offset >= 0, sizes.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
      throw .malformed("has an impossible shape: a size, stride or offset is negative")
    }
    let isEmpty = sizes.contains(0)
    var count = isEmpty ? 0 : 1
    var last = offset
    var overflows = false
    if !isEmpty {
      for (size, stride) in zip(sizes, strides) {
        let product = count.multipliedReportingOverflow(by: size)
        let reach = (size - 1).multipliedReportingOverflow(by: stride)
        let sum = last.addingReportingOverflow(reach.partialValue)
        overflows = overflows || product.overflow || reach.overflow || sum.overflow
        (count, last) = (product.partialValue, sum.partialValue)
      }
    }
    let bytes = count.multipliedReportingOverflow(by: elementByteCount)
    let end = isEmpty ? (partialValue: 0, overflow: false) : last.addingReportingOverflow(1)
    let endByte = end.partialValue.multipliedReportingOverflow(by: elementByteCount)
    guard !overflows, !bytes.overflow, !end.overflow, !endByte.overflow else {
      throw .malformed("has an impossible shape: it has more bytes than can be counted")
    }
    self.sizes = sizes
    self.strides = strides
    elementCount = count
    byteCount = bytes.partialValue
    start = isEmpty ? 0 : offset * elementByteCount
    self.endByte = endByte.partialValue
  }

  /// Whether the elements are contiguous.
  var isContiguous: Bool {
    guard elementCount > 0 else { return true }
    var expected = 1
    for (size, stride) in zip(sizes, strides).reversed() where size != 1 {
      guard stride == expected else { return false }
      expected *= size
    }
    return true
  }
}
