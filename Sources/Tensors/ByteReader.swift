/// A cursor over untrusted bytes. A read that fails throws and leaves the cursor where it was.
public struct ByteReader: ~Escapable {
  /// All the bytes, read or not.
  public let bytes: RawSpan
  /// The place of `bytes` in the file, so that errors can name it.
  public let baseOffset: Int
  /// The next byte to read, counted from the start of `bytes`.
  public var position: Int { cursor }
  @usableFromInline
  var cursor = 0

  /// Starts at the first of `bytes`, which stand at `baseOffset` in their file.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan, baseOffset: Int = 0) {
    self.bytes = bytes
    self.baseOffset = baseOffset
  }

  /// The number of bytes left.
  @inlinable
  public var remaining: Int { bytes.byteCount - cursor }

  /// The place of the cursor in the file.
  @inlinable
  public var offset: Int { baseOffset + cursor }

  /// Reads a little-endian integer.
  ///
  /// - Throws: `truncated` when fewer bytes are left than it takes.
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

  /// Takes the next `count` bytes as they stand.
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
