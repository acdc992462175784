// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension Span where Element == UInt8 {
  /// The eight bytes at `index` as a little-endian word. Reading past the end traps.
  @inline(__always)
  func word(at index: Int) -> UInt64 {
    // SAFETY: bytes have no padding, the load checks its bounds, and every bit pattern is valid.
    unsafe UInt64(
      littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }

  /// Whether two spans contain the same bytes.
  func elementsEqual(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    var index = 0
    while index <= count - 8 {
      guard word(at: index) == other.word(at: index) else { return false }
      index += 8
    }
    if count >= 8 {
      // The last eight bytes, which may overlap the previous ones.
      return word(at: count - 8) == other.word(at: count - 8)
    }
    while index < count {
      guard self[index] == other[index] else { return false }
      index += 1
    }
    return true
  }

  /// Whether the span is the UTF-8 of `text`.
  func elementsEqual(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { unsafe elementsEqual($0.span) }
  }
}

extension DType {
  /// The dtype with this name, in UTF-8.
  init?(spelling bytes: Span<UInt8>) {
    for dtype in DType.allCases where !dtype.isQuantized && bytes.elementsEqual(dtype.spelling) {
      self = dtype
      return
    }
    return nil
  }
}
