// SPDX-License-Identifier: Apache-2.0

/// A part of a tensor along all its axes: a box of whole elements, not copied.
///
/// The elements are in runs of contiguous bytes; `forEachRun` lends them in row-major order.
public struct TensorSlice: ~Escapable {
  /// The element type.
  public let dtype: DType
  /// The dimensions of the part, outermost first.
  public let shape: Shape

  private let bytes: RawSpan
  /// The size of a run in bytes, the number of runs along each outer axis, and their strides.
  private let runByteCount: Int
  private let outer: [(count: Int, stride: Int)]
  private let start: Int

  /// Slices a tensor by `ranges`, one for each axis.
  ///
  /// - Throws: `invalidArgument` for another number of ranges, a range outside its axis, runs of a
  ///   sub-byte dtype that do not start and end on whole bytes, or a quantized dtype.
  /// - Complexity: O(rank).
  @_lifetime(copy tensor)
  public init(_ tensor: TensorView, _ ranges: [Range<Int>]) throws(CheckpointError) {
    guard !tensor.dtype.isQuantized else {
      throw .invalidArgument("a tensor of \(tensor.dtype) has no elements to slice, only blocks")
    }
    let extents = tensor.shape.dimensions
    guard ranges.count == extents.count else {
      throw .invalidArgument(
        "\(ranges.count) ranges do not slice a tensor of \(extents.count) axes")
    }
    for (axis, range) in ranges.enumerated() {
      guard range.lowerBound >= 0, UInt(range.upperBound) <= extents[axis] else {
        throw .invalidArgument("axis \(axis): \(range) is outside 0..<\(extents[axis])")
      }
    }
    dtype = tensor.dtype
    shape = Shape(ranges.map(\.count))
    bytes = tensor.bytes
    guard !ranges.contains(where: \.isEmpty) else {
      (runByteCount, outer, start) = (0, [], 0)
      return
    }
    // No range is empty, so that every product is at most the tensor's size in bits.
    var stride = tensor.dtype.bitCount
    var runBits = stride
    var outer: [(count: Int, stride: Int)] = []
    var startBits = 0
    for axis in extents.indices.reversed() {
      startBits += ranges[axis].lowerBound * stride
      if outer.isEmpty, runBits == stride {
        // All inner axes are whole, so that this one belongs to the run.
        runBits = ranges[axis].count * stride
      } else {
        outer.append((ranges[axis].count, stride))
      }
      stride *= Int(extents[axis])
    }
    let places = [startBits, runBits] + outer.map(\.stride)
    guard places.allSatisfy({ $0.isMultiple(of: 8) }) else {
      throw .invalidArgument("the slice of \(dtype) does not start and end on whole bytes")
    }
    runByteCount = runBits / 8
    start = startBits / 8
    self.outer = outer.reversed().map { ($0.count, $0.stride / 8) }
  }

  /// The size of the slice in bytes.
  public var byteCount: Int { outer.reduce(runByteCount) { $0 * $1.count } }

  /// Calls `body` with each run of contiguous bytes, in row-major order.
  ///
  /// - Throws: what `body` throws.
  /// - Complexity: O(runs).
  public func forEachRun<E: Error>(_ body: (RawSpan) throws(E) -> Void) throws(E) {
    guard runByteCount > 0 else { return }
    var position = [Int](repeating: 0, count: outer.count)
    var offset = start
    while true {
      try body(bytes.extracting(offset..<offset + runByteCount))
      // Count up like an odometer, innermost axis first.
      var axis = outer.count - 1
      while axis >= 0 {
        position[axis] += 1
        offset += outer[axis].stride
        if position[axis] < outer[axis].count { break }
        offset -= outer[axis].count * outer[axis].stride
        position[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// A copy of the part, row-major.
  ///
  /// - Complexity: O(bytes).
  public func copied() -> [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(byteCount)
    forEachRun { run in
      copy.append(copying: run)
    }
    return copy
  }
}
