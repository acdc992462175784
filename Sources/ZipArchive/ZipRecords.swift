// SPDX-License-Identifier: Apache-2.0
package import Files
internal import Synchronization
package import Tensors

/// The data of an archive's records, each checked against its checksum when it is first read.
package final class ZipRecords: Sendable {
  /// The archive's index.
  package let index: ZipIndex
  private let file: InputFile
  private let isChecked: Bool
  /// The entries whose checksum has been found right.
  private let verified = Mutex<Set<Int>>([])

  private static let pieceByteCount = 1 << 20

  /// Remembers where the records are.
  ///
  /// - Parameter isChecked: whether the archive has checksums.
  package init(_ index: ZipIndex, in file: InputFile, isChecked: Bool) {
    self.index = index
    self.file = file
    self.isChecked = isChecked
  }

  /// Whether the checksum of the entry at a place has been found right, or needs no look.
  package func isVerified(_ place: Int) -> Bool {
    !isChecked || verified.withLock { $0.contains(place) }
  }

  /// Notes that the checksum of the entry at a place is right.
  package func noteVerified(_ place: Int) {
    _ = verified.withLock { $0.insert(place) }
  }

  /// Reads a record, unless that has been done, and compares its checksum.
  ///
  /// - Throws: `malformed` when it is damaged, `truncated` or `system` when it cannot be read.
  package func verify(_ place: Int) throws(CheckpointError) {
    guard !isVerified(place) else { return }
    try read(place, 0..<0) { _ throws(CheckpointError) in }
  }

  /// Passes the part `wanted` of a record on in pieces of a megabyte, the last one smaller. All of the
  /// record is read, and its checksum compared, unless that has been done.
  ///
  /// - Throws: as `verify`, and what `sink` throws.
  package func read(
    _ place: Int, _ wanted: Range<Int>,
    to sink: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let entry = index.entries[place]
    let isChecked = !isVerified(place)
    if !isChecked, entry.method == .stored {
      let start = entry.dataOffset
      return try file.readPieces(
        start + wanted.lowerBound..<start + wanted.upperBound, to: sink)
    }
    var stream = try RecordStream(entry, in: file, isChecked: isChecked)
    let end = isChecked ? entry.byteCount : wanted.upperBound
    var buffer = [UInt8](repeating: 0, count: min(Self.pieceByteCount, end))
    while stream.position < end {
      let start = stream.position
      // A piece ends where the wanted part starts or ends, so that what is passed on is whole.
      let limit = [wanted.lowerBound, wanted.upperBound].first { $0 > start } ?? end
      let count = min(buffer.count, min(limit, end) - start)
      var bytes = buffer.mutableRawBytes
      var piece = bytes._mutatingExtracting(0..<count)
      try stream.read(into: &piece)
      if wanted.contains(start) { try sink(&piece) }
    }
    guard isChecked else { return }
    try stream.finish()
    noteVerified(place)
  }
}
