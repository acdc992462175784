// SPDX-License-Identifier: Apache-2.0

/// Changes to elements while they are copied: byte swap, negation, complex conjugation.
package struct ElementTransform: Sendable {
  private let swapsBytes: Bool
  private let isNegated: Bool
  private let isConjugated: Bool
  private let isInteger: Bool
  private let componentByteCount: Int

  /// Describes the changes.
  ///
  /// - Parameters:
  ///   - componentByteCount: the size of an element, or of the two numbers of a complex one.
  ///   - isInteger: whether the elements are integers, whose negation is not a flipped sign bit.
  package init(
    componentByteCount: Int, swapsBytes: Bool, isNegated: Bool = false, isConjugated: Bool = false,
    isInteger: Bool = false
  ) {
    self.componentByteCount = componentByteCount
    self.swapsBytes = swapsBytes
    self.isNegated = isNegated
    self.isConjugated = isConjugated
    self.isInteger = isInteger
  }

  /// Applies the changes to whole elements in place.
  package func apply(to bytes: inout MutableRawSpan) {
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
      // SAFETY: the words are within the bytes; every bit pattern is a valid integer.
      var word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index * size, as: Word.self)
      if swapsBytes { word = word.byteSwapped }
      word = Word(littleEndian: word)
      if isNegated { word = isInteger ? 0 &- word : word ^ sign }
      if isConjugated, !index.isMultiple(of: 2) { word ^= sign }
      bytes.storeBytes(of: word.littleEndian, toByteOffset: index * size, as: Word.self)
    }
  }
}
