// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// A cursor over the header of a GGUF file, which does not say how long it is: bytes are read as they
/// are needed.
struct GGUFCursor {
  /// The header as far as it was read.
  private(set) var bytes: [UInt8] = []
  /// The offset of the next byte.
  var position = 0
  /// The number of elements of the arrays so far, of which more than 2^62 do not fit a file.
  var elementCount = 0
  /// Whether numbers are big endian.
  var isBigEndian = false
  private let file: InputFile

  /// The largest header, in bytes. The vocabularies of today take up to a fifth of it.
  static let largestHeader = 1 << 26
  private static let firstRead = 1 << 17

  /// Starts at the first byte of a file.
  init(_ file: InputFile) {
    self.file = file
  }

  /// The number of bytes from the cursor to the end of the file.
  var remaining: Int { file.byteCount - position }

  /// Reads a number of the file's byte order.
  ///
  /// - Throws: `truncated` when the file ends first, `unsupported` beyond the largest header.
  @inline(__always)
  mutating func read<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) throws(CheckpointError) -> T
  {
    let size = MemoryLayout<T>.size
    if size > bytes.count - position { try fetch(size) }
    // SAFETY: `fetch` made sure of the bytes; every bit pattern is a valid integer.
    let word = unsafe bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: T.self)
    position += size
    return isBigEndian ? T(bigEndian: word) : T(littleEndian: word)
  }

  /// Reads the length of a text and moves past the text.
  ///
  /// - Returns: the place of the text in `bytes`.
  /// - Throws: as `read`.
  @inline(__always)
  mutating func readText() throws(CheckpointError) -> Range<Int> {
    let count = try read(UInt64.self)
    let start = position
    guard let count = Int(exactly: count), count <= remaining else {
      throw tooLong("a text of \(count) bytes", at: start - 8)
    }
    try skip(count)
    return start..<start + count
  }

  /// Moves past bytes.
  ///
  /// - Throws: as `read`.
  @inline(__always)
  mutating func skip(_ count: Int) throws(CheckpointError) {
    if count > bytes.count - position { try fetch(count) }
    position += count
  }

  /// The error for something that takes more bytes than the file has.
  @inline(never)
  func tooLong(_ subject: String, at offset: Int) -> CheckpointError {
    CheckpointError(
      .truncated,
      "ends too early: \(subject) starts here, \(file.byteCount - position) bytes are left",
      offset: offset)
  }

  /// Reads until `count` bytes after the cursor are there; twice as many at least as before, so that
  /// all copies together take no longer than reading.
  @inline(never)
  private mutating func fetch(_ count: Int) throws(CheckpointError) {
    guard count <= remaining else {
      throw .truncated(need: count, have: remaining, at: position)
    }
    guard count <= Self.largestHeader - position else {
      throw CheckpointError(
        .unsupported, "the header takes more than the \(Self.largestHeader) bytes supported",
        offset: position)
    }
    let wanted = min(
      max(position + count, 2 * bytes.count, Self.firstRead), file.byteCount, Self.largestHeader)
    bytes.append(contentsOf: try file.read(at: bytes.count, count: wanted - bytes.count))
  }
}
