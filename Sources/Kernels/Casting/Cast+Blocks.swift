// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension Cast {
  /// The elements that are decoded or encoded at a time: a multiple of every block.
  private static let blockElementCount = 1 << 11

  /// Casts elements of which either side is quantized: decoded to F32, cast to the destination or to
  /// F32, and encoded.
  ///
  /// - Throws: as `run`.
  func runBlocks(
    _ bytes: RawSpan, into output: inout MutableRawSpan, counts: inout CastCounts,
    firstElement: Int, _ instructionSet: InstructionSet
  ) throws(CheckpointError) {
    let (sourceSize, destinationSize) = (sourceUnitByteCount, destinationUnitByteCount)
    precondition(bytes.byteCount.isMultiple(of: sourceSize), "the source must hold whole blocks")
    let count = bytes.byteCount / sourceSize
    precondition(
      count <= output.byteCount / destinationSize, "the output is too small for the elements")
    var scratch = [UInt8](repeating: 0, count: 4 * Self.blockElementCount)
    var sum = CastCounts()
    let step = Self.blockElementCount / unitElementCount
    var first = 0
    while first < count {
      let end = min(count, first + step)
      let part = bytes.extracting(first * sourceSize..<end * sourceSize)
      var place = output._mutatingExtracting(first * destinationSize..<end * destinationSize)
      var buffer = scratch.mutableRawBytes
      var values = buffer._mutatingExtracting(0..<4 * (end - first) * unitElementCount)
      let start = firstElement + first * unitElementCount
      try widen(part, into: &values, counts: &sum, firstElement: start, instructionSet)
      try narrow(values.bytes, into: &place, counts: &sum, firstElement: start, instructionSet)
      first = end
    }
    counts += sum
  }

  /// Decodes or casts elements of the source to F32.
  private func widen(
    _ bytes: RawSpan, into values: inout MutableRawSpan, counts: inout CastCounts,
    firstElement: Int, _ instructionSet: InstructionSet
  ) throws(CheckpointError) {
    if let decoder { return decoder.decode(bytes, into: &values) }
    // What overflows in F32 is refused when it is encoded.
    var ignored = CastCounts()
    try Cast(from: source, to: .float32).run(
      bytes, into: &values, counts: &ignored, firstElement: firstElement,
      instructionSet: instructionSet)
  }

  /// Encodes or casts F32 to the destination.
  private func narrow(
    _ values: RawSpan, into output: inout MutableRawSpan, counts: inout CastCounts,
    firstElement: Int, _ instructionSet: InstructionSet
  ) throws(CheckpointError) {
    guard destination.isQuantized else {
      if destination == .float32 {
        output.copyBytes(of: values)
        return counts.add(decoded: values)
      }
      return try Cast(from: .float32, to: destination).run(
        values, into: &output, counts: &counts, firstElement: firstElement,
        instructionSet: instructionSet)
    }
    if let refused = BlockEncoder.encode(values, into: &output) {
      // SAFETY: the element is one of the values; every bit pattern is a valid F32.
      let value = unsafe values.unsafeLoadUnaligned(fromByteOffset: 4 * refused, as: Float.self)
      throw .invalidArgument(
        "element \(firstElement + refused) is \(value), and \(destination) holds numbers up to "
          + "\(127 * Float(65504))")
    }
    counts.elements += values.byteCount / 4
  }
}

extension CastCounts {
  /// Adds the counts of elements that were decoded to F32.
  fileprivate mutating func add(decoded values: RawSpan) {
    elements += values.byteCount / 4
    for offset in stride(from: 0, to: values.byteCount, by: 4) {
      // SAFETY: the element is one of the values; every bit pattern is a valid F32.
      let value = unsafe values.unsafeLoadUnaligned(fromByteOffset: offset, as: Float.self)
      if value.isNaN { nan += 1 } else if value.isInfinite { infinite += 1 }
    }
  }
}
