// SPDX-License-Identifier: Apache-2.0
package import Files
internal import Synchronization
package import Tensors

/// The data of an archive's records. The checksum of a record is verified when it is first read.
package final class ZipRecords: Sendable {
  /// The archive's index.
  package let index: ZipIndex
  private let file: InputFile
  private let isChecked: Bool
  /// The entries whose checksums match.
  private let verified = Mutex<Set<Int>>([])

  private static let pieceByteCount = 1 << 20

  /// Creates the records of an index.
  ///
  /// - Parameter isChecked: whether the archive has checksums.
  package init(_ index: ZipIndex, in file: InputFile, isChecked: Bool) {
    self.index = index
    self.file = file
    self.isChecked = isChecked
  }

  /// Whether the checksum of the entry at a place matches, or is not needed.
  package func isVerified(_ place: Int) -> Bool {
    !isChecked || verified.withLock { $0.contains(place) }
  }

  /// Records that the checksum of the entry at a place matches.
  package func noteVerified(_ place: Int) {
    _ = verified.withLock { $0.insert(place) }
  }

  /// Verifies the checksum of a record, unless that has been done.
  ///
  /// - Throws: `malformed` when it is damaged, `truncated` or `system` when it cannot be read.
  package func verify(_ place: Int) throws(CheckpointError) {
    guard !isVerified(place) else { return }
    try read(place, 0..<0) { _ throws(CheckpointError) in }
  }

  /// Passes a part of a record to a sink, in pieces of at most a megabyte. The whole record is read,
  /// and its checksum verified, unless that has been done.
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
      // A piece ends at the start or end of the wanted part, so that all of it belongs to the part.
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
