// SPDX-License-Identifier: Apache-2.0
extension Span where Element == UInt8 {
  /// The bytes as a raw span, for parsers and writers.
  public var rawBytes: RawSpan {
    @_lifetime(copy self)
    get {
      // SAFETY: `bytes` is unsafe for element types with padding; a byte has none.
      unsafe bytes
    }
  }
}

extension MutableRawSpan {
  /// Copies other bytes of the same count. Another count is a programming error and traps.
  public mutating func copyBytes(of other: RawSpan) {
    precondition(byteCount == other.byteCount, "bytes are copied one for one")
    // SAFETY: both buffers have the same size and outlive the closures; a mutable span does not
    // overlap another span.
    unsafe withUnsafeMutableBytes { destination in
      unsafe other.withUnsafeBytes { source in unsafe destination.copyMemory(from: source) }
    }
  }
}
