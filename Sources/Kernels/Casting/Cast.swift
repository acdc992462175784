// SPDX-License-Identifier: Apache-2.0
internal import CKernels
public import Tensors

/// A conversion of elements from one dtype to another, as torch's `.to()` computes it
/// (spec/casts.md).
///
/// Results equal torch's in value, NaN for NaN, and are the same bits at every instruction set.
/// Numbers are rounded to nearest, ties to even; F64 and integers go to the half and 8-bit types by
/// way of F32. To integers, fractions are cut off towards zero, and values outside the range are
/// refused; torch gives an arbitrary or wrapped value. Quantized dtypes are cast by way of F32, in whole
/// blocks (spec/gguf.md GG15 to GG17).
public struct Cast: Sendable {
  /// The dtype of the source.
  public let source: DType
  /// The dtype of the destination.
  public let destination: DType
  let sourceElement: CastElement
  let destinationElement: CastElement
  /// The decoding of the source to F32, which the elements are then cast from.
  let decoder: BlockDecoder?

  /// Creates a cast between two dtypes.
  ///
  /// - Throws: `unsupported` for a sub-byte dtype on either side, for quantized dtypes that are not
  ///   decoded or encoded here, and for C64 to another dtype, which would drop imaginary parts.
  public init(from source: DType, to destination: DType) throws(CheckpointError) {
    decoder = source == destination ? nil : BlockDecoder(source)
    if source.isQuantized, decoder == nil {
      throw CheckpointError(.unsupported, "\(source) cannot be cast: it is not decoded here")
    }
    if destination.isQuantized, destination != .q8_0 {
      throw CheckpointError(
        .unsupported,
        "\(source) cannot be cast to \(destination): of the quantized dtypes only "
          + "\(DType.q8_0) is encoded here")
    }
    guard let sourceElement = CastElement(decoder == nil ? source : .float32),
      let destinationElement = CastElement(destination.isQuantized ? .float32 : destination)
    else {
      throw CheckpointError(
        .unsupported, "\(source) cannot be cast to \(destination): elements must be whole bytes")
    }
    guard sourceElement != .complex64 || destinationElement == .complex64 else {
      throw CheckpointError(
        .unsupported,
        "\(source) cannot be cast to \(destination): imaginary parts would be dropped")
    }
    self.source = source
    self.destination = destination
    self.sourceElement = sourceElement
    self.destinationElement = destinationElement
  }

  /// Whether both dtypes are the same, so that bits are copied.
  public var isIdentity: Bool { source == destination }

  /// The number of elements that are cast together: 1, or the larger block of quantized dtypes.
  public var unitElementCount: Int {
    max(source.block.elementCount, destination.block.elementCount)
  }

  /// The size of as many elements of the source in bytes.
  public var sourceUnitByteCount: Int {
    unitElementCount / source.block.elementCount * source.block.byteCount
  }

  /// The size of as many elements of the destination in bytes.
  public var destinationUnitByteCount: Int {
    unitElementCount / destination.block.elementCount * destination.block.byteCount
  }

  /// The size of one element of the source in bytes; of a quantized one, of a block.
  public var sourceElementByteCount: Int { source.bitCount / 8 }

  /// The size of one element of the destination in bytes; of a quantized one, of a block.
  public var destinationElementByteCount: Int { destination.bitCount / 8 }

  /// Casts elements, from the start of `bytes` to the start of `output`.
  ///
  /// Parts of a tensor may be cast in sequence or concurrently; no state is kept.
  ///
  /// - Parameters:
  ///   - bytes: whole units of elements of the source, little endian, at any alignment.
  ///   - output: memory for as many elements of the destination, at any alignment; less memory traps.
  ///     The rest of it is not changed.
  ///   - counts: the counts to add to; unchanged when an error is thrown.
  ///   - firstElement: the index of the first of these elements, for errors.
  ///   - instructionSet: the vector instructions to use; the result does not depend on it.
  /// - Throws: `invalidArgument` for the first element outside the range of an integer or quantized
  ///   destination, infinities and NaN included. The content of `output` is then unspecified.
  /// - Complexity: O(elements), no allocation but of some kilobytes for quantized dtypes.
  public func run(
    _ bytes: RawSpan, into output: inout MutableRawSpan, counts: inout CastCounts,
    firstElement: Int = 0, instructionSet: InstructionSet = .best
  ) throws(CheckpointError) {
    precondition(instructionSet.isAvailable, "this CPU lacks the instruction set")
    guard isIdentity || !source.isQuantized && !destination.isQuantized else {
      return try runBlocks(
        bytes, into: &output, counts: &counts, firstElement: firstElement, instructionSet)
    }
    let size = sourceElementByteCount
    precondition(bytes.byteCount.isMultiple(of: size), "the source must hold whole elements")
    let count = bytes.byteCount / size
    precondition(
      count <= output.byteCount / destinationElementByteCount,
      "the output is too small for the elements")
    guard count > 0 else { return }
    var done = count
    var kernelCounts = ck_cast_counts()
    // SAFETY: both buffers contain `count` elements, checked above, and do not overlap: `output` is
    // borrowed exclusively. The kernels take any alignment.
    unsafe bytes.withUnsafeBytes { from in
      unsafe output.withUnsafeMutableBytes { to in
        if isIdentity {
          unsafe to.copyMemory(from: from)
        } else {
          done = unsafe ck_cast(
            to.baseAddress, destinationElement.rawValue, from.baseAddress, sourceElement.rawValue,
            count, &kernelCounts, instructionSet.rawValue)
        }
      }
    }
    guard done == count else {
      throw refusal(
        of: bytes.extracting(done * size..<(done + 1) * size), at: firstElement + done)
    }
    if !isIdentity { counts += CastCounts(kernelCounts, elements: count) }
  }

  /// The error for an element outside the destination's range.
  @inline(never)
  private func refusal(of element: RawSpan, at index: Int) -> CheckpointError {
    .invalidArgument(
      "element \(index) is \(text(of: element)), and \(destination) holds "
        + (destinationElement.rangeText ?? "no such value"))
  }

  /// The value of one element, as Swift prints it.
  private func text(of element: RawSpan) -> String {
    // SAFETY: every bit pattern is a valid integer, and the element has these eight bytes.
    if source == .uint64 { return unsafe "\(element.unsafeLoadUnaligned(as: UInt64.self))" }
    let wide: DType = sourceElement.isInteger ? .int64 : .float64
    var word: UInt64 = 0
    var counts = CastCounts()
    // SAFETY: an integer has no padding, and any eight bytes make one.
    unsafe withUnsafeMutableBytes(of: &word) { buffer in
      var output = unsafe MutableRawSpan(_unsafeBytes: buffer)
      // Neither destination refuses any of these sources.
      try? Cast(from: source, to: wide).run(element, into: &output, counts: &counts)
    }
    if sourceElement.isInteger { return "\(Int64(bitPattern: word))" }
    let value = Double(bitPattern: word)
    return source == .float64 ? "\(value)" : "\(Float(value))"
  }
}

extension CastCounts {
  fileprivate init(_ counts: ck_cast_counts, elements: Int) {
    self.init()
    self.elements = elements
    saturated = counts.saturated
    infinite = counts.infinite
    infiniteFromFinite = counts.infinite_from_finite
    nan = counts.nan
    nanFromNumber = counts.nan_from_number
    signLost = counts.sign_lost
  }
}
