// SPDX-License-Identifier: Apache-2.0
extension RawSpan {
  /// The byte at an offset; an offset outside the span is a programming error and traps.
  @inlinable
  package func byte(at offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount, "byte offset out of range")
    // SAFETY: the bounds are checked above; every bit pattern is a valid byte.
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  /// A copy of a range of the bytes.
  package func array(_ range: Range<Int>) -> [UInt8] {
    // SAFETY: the buffer is copied before the closure returns.
    unsafe extracting(range).withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Whether the span contains these bytes at an offset.
  package func has(_ expected: [UInt8], at offset: Int) -> Bool {
    guard offset >= 0, expected.count <= byteCount - offset else { return false }
    return expected.indices.allSatisfy { byte(at: offset + $0) == expected[$0] }
  }
}
