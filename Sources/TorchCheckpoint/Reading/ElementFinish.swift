internal import Tensors

/// What is still to be done to elements when they are copied: their bytes swapped, their values
/// negated, their imaginary parts negated.
struct ElementFinish: Sendable {
  private let swapsBytes: Bool
  private let isNegated: Bool
  private let isConjugated: Bool
  private let isInteger: Bool
  private let componentByteCount: Int

  init(_ tensor: TorchTensor, swapsBytes: Bool) {
    self.swapsBytes = swapsBytes
    isNegated = tensor.isNegated
    isConjugated = tensor.isConjugated
    componentByteCount = tensor.torchDType.componentByteCount
    isInteger =
      switch tensor.dtype {
      case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
      default: false
      }
  }

  /// Finishes whole elements in place.
  func apply(to bytes: inout MutableRawSpan) {
    guard swapsBytes || isNegated || isConjugated else { return }
    switch componentByteCount {
    case 8: apply(UInt64.self, to: &bytes)
    case 4: apply(UInt32.self, to: &bytes)
    case 2: apply(UInt16.self, to: &bytes)
    default: apply(UInt8.self, to: &bytes)
    }
  }

  private func apply<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _: Word.Type, to bytes: inout MutableRawSpan
  ) {
    let size = MemoryLayout<Word>.size
    let sign = Word(1) << (Word.bitWidth - 1)
    for index in 0..<bytes.byteCount / size {
      // SAFETY: the words lie in the bytes; every bit pattern is a valid integer.
      var word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index * size, as: Word.self)
      if swapsBytes { word = word.byteSwapped }
      word = Word(littleEndian: word)
      if isNegated { word = isInteger ? 0 &- word : word ^ sign }
      if isConjugated, !index.isMultiple(of: 2) { word ^= sign }
      bytes.storeBytes(of: word.littleEndian, toByteOffset: index * size, as: Word.self)
    }
  }
}
