// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The encoding of F32 in blocks of Q8_0, as the gguf package computes it (spec/gguf.md GG16).
enum BlockEncoder {
  /// The elements and the bytes of a block.
  private static let block = DType.q8_0.block

  /// Encodes whole blocks, from the start of `values` to the start of `output`.
  ///
  /// - Returns: the index of the first element that no block can hold; nil when all are encoded.
  /// - Complexity: O(elements), no allocation.
  static func encode(_ values: RawSpan, into output: inout MutableRawSpan) -> Int? {
    let size = 4 * block.elementCount
    for index in 0..<values.byteCount / size {
      let start = index * block.byteCount
      var part = output._mutatingExtracting(start..<start + block.byteCount)
      let elements = values.extracting(index * size..<(index + 1) * size)
      if let element = encodeBlock(elements, &part) { return index * block.elementCount + element }
    }
    return nil
  }

  private static func encodeBlock(_ values: RawSpan, _ output: inout MutableRawSpan) -> Int? {
    var largest: Float = 0
    var place = 0
    for index in 0..<block.elementCount {
      let magnitude = values.float(at: index).magnitude
      guard magnitude.isFinite else { return index }
      if magnitude > largest { (largest, place) = (magnitude, index) }
    }
    let scale = largest / 127
    let stored = Binary16(scale)
    guard stored.float.isFinite else { return place }
    output.storeBytes(of: stored.bitPattern, toByteOffset: 0, as: UInt16.self)
    // Of a scale so small that its inverse is infinite, F16 is zero, and so are the elements.
    let inverse = scale == 0 ? 0 : 1 / scale
    for index in 0..<block.elementCount {
      let number = (values.float(at: index) * inverse).rounded(.toNearestOrAwayFromZero)
      let byte = number.isFinite ? Int8(min(max(number, -127), 127)) : 0
      output.storeBytes(of: byte, toByteOffset: 2 + index, as: Int8.self)
    }
    return nil
  }
}

extension RawSpan {
  /// The F32 of an element.
  @inline(__always)
  fileprivate func float(at element: Int) -> Float {
    // SAFETY: the load checks its bounds; every bit pattern is a valid F32.
    unsafe unsafeLoadUnaligned(fromByteOffset: 4 * element, as: Float.self)
  }
}
