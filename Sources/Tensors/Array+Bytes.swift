// SPDX-License-Identifier: Apache-2.0
extension [UInt8] {
  /// The bytes as a mutable raw span, for readers to fill.
  public var mutableRawBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      // SAFETY: the call makes the storage unique; it stays in place while the span, an exclusive
      // access to `self`, lives. Every bit pattern is a valid byte.
      let storage = unsafe withUnsafeMutableBytes { unsafe $0 }
      let bytes = unsafe MutableRawSpan(_unsafeBytes: storage)
      return unsafe _overrideLifetime(bytes, mutating: &self)
    }
  }

  /// Appends a copy of other bytes.
  public mutating func append(copying bytes: RawSpan) {
    // SAFETY: the buffer is copied before the closure returns.
    unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }

  /// Appends the bytes of an integer, least significant first.
  @inlinable
  public mutating func appendLittleEndian<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    // SAFETY: the bytes of an integer are copied before the closure returns.
    unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
  }

  /// Appends the low bytes of an integer, least significant first.
  ///
  /// - Parameter byteCount: from 0 to the size of the integer; another count is a programming error
  ///   and traps.
  @inlinable
  public mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T, byteCount: Int) {
    precondition(byteCount * 8 <= T.bitWidth, "an integer has no more bytes")
    for place in 0..<byteCount { append(UInt8(truncatingIfNeeded: value >> T(8 * place))) }
  }
}
