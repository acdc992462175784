// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import Files
internal import Tensors

/// Reads the data of a tensor from the first byte on, as much as is asked for at a time.
struct RowCursor {
  private enum Source {
    /// Nothing.
    case empty
    /// The bytes of a file, read in place.
    case file(InputFile, start: Int)
    /// Pieces that another thread reads.
    case stream(PieceStream)
  }

  private let source: Source
  /// The number of bytes that were read.
  private var offset = 0
  private var piece: [UInt8] = []
  private var used = 0

  private init(_ source: Source) {
    self.source = source
  }

  /// Calls a closure with a cursor at the start of a tensor.
  ///
  /// - Parameter index: the tensor; nil for one without data.
  /// - Throws: what `body` throws; `system` when no thread can be started.
  static func over<R>(
    _ archive: any TensorArchive, _ index: Int?,
    _ body: (inout RowCursor) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    guard let index else {
      var cursor = RowCursor(.empty)
      return try body(&cursor)
    }
    if let (file, range) = archive.storedBytes(of: index) {
      var cursor = RowCursor(.file(file, start: range.lowerBound))
      return try body(&cursor)
    }
    return try PieceStream.withPieces({ sink throws(CheckpointError) in
      try archive.readTensor(at: index, to: sink)
    }) { stream throws(CheckpointError) in
      var cursor = RowCursor(.stream(stream))
      return try body(&cursor)
    }
  }

  /// The file that has the next bytes, and their range; nil where it does not have them as they are.
  func stored(byteCount: Int) -> (file: InputFile, range: Range<Int>)? {
    guard case .file(let file, let start) = source else { return nil }
    return (file, start + offset..<start + offset + byteCount)
  }

  /// Fills `bytes` from the next bytes.
  ///
  /// - Throws: `truncated` when there are not as many, and what reading throws.
  mutating func read(into bytes: inout MutableRawSpan) throws(CheckpointError) {
    switch source {
    case .empty: throw .truncated(need: bytes.byteCount, have: 0, at: 0)
    case .file(let file, let start): try file.read(at: start + offset, into: &bytes)
    case .stream(let stream):
      var filled = 0
      while filled < bytes.byteCount {
        let count = try available(in: stream, atMost: bytes.byteCount - filled)
        var part = bytes._mutatingExtracting(filled..<filled + count)
        part.copyBytes(of: piece.span.rawBytes.extracting(used..<used + count))
        used += count
        filled += count
      }
    }
    offset += bytes.byteCount
  }

  /// Passes over the next bytes.
  ///
  /// - Throws: as `read`.
  mutating func skip(byteCount: Int) throws(CheckpointError) {
    if case .stream(let stream) = source {
      var left = byteCount
      while left > 0 {
        let count = try available(in: stream, atMost: left)
        used += count
        left -= count
      }
    }
    offset += byteCount
  }

  /// The number of bytes that the piece still has, at least 1, after waiting for the next if it is used
  /// up.
  private mutating func available(
    in stream: PieceStream, atMost limit: Int
  ) throws(CheckpointError) -> Int {
    while used == piece.count {
      guard let next = try stream.next() else {
        throw .truncated(need: limit, have: 0, at: offset)
      }
      piece = next
      used = 0
    }
    return min(limit, piece.count - used)
  }
}
