// SPDX-License-Identifier: Apache-2.0

/// A cursor over untrusted bytes. A read that fails throws and does not move the cursor.
public struct ByteReader: ~Escapable {
  /// All bytes, including those already read.
  public let bytes: RawSpan
  /// The offset of `bytes` in the file, for errors.
  public let baseOffset: Int
  /// The index in `bytes` of the next byte to read.
  public var position: Int { cursor }
  @usableFromInline
  var cursor = 0

  /// Starts at the first of `bytes`, which are at `baseOffset` in their file.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan, baseOffset: Int = 0) {
    self.bytes = bytes
    self.baseOffset = baseOffset
  }

  /// The number of bytes left.
  @inlinable
  public var remaining: Int { bytes.byteCount - cursor }

  /// The offset of the cursor in the file.
  @inlinable
  public var offset: Int { baseOffset + cursor }

  /// Reads a little-endian integer.
  ///
  /// - Throws: `truncated` when too few bytes are left.
  @inlinable
  public mutating func readLittleEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type
  ) throws(CheckpointError) -> T {
    let size = MemoryLayout<T>.size
    guard size <= remaining else {
      throw .truncated(need: size, have: remaining, at: offset)
    }
    defer { cursor += size }
    // SAFETY: the bounds are checked above; every bit pattern is a valid integer.
    return unsafe T(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: cursor, as: T.self))
  }

  /// Reads the next `count` bytes.
  ///
  /// - Throws: `truncated` when fewer are left, or `count` is negative.
  @inlinable
  @_lifetime(copy self)
  public mutating func readBytes(_ count: Int) throws(CheckpointError) -> RawSpan {
    guard count >= 0, count <= remaining else {
      throw .truncated(need: count, have: remaining, at: offset)
    }
    defer { cursor += count }
    return bytes.extracting(cursor..<cursor + count)
  }
}
