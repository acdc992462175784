internal import Files
internal import Synchronization
package import Tensors

/// Compares the checksum of a stored record while it is copied, piece by piece.
package final class RecordCheck: RangeCheck {
  private let place: Int
  private let records: ZipRecords
  private let seen = Mutex(Seen())

  private struct Seen {
    /// The checksums of pieces, by where these start in the file.
    var pieces: [Int: (checksum: Checksum, byteCount: Int)] = [:]
    var byteCount = 0
  }

  /// Waits for the pieces of the entry at a place in the archive's index.
  package init(_ place: Int, of records: ZipRecords) {
    self.place = place
    self.records = records
  }

  package func check(_ bytes: RawSpan, at offset: Int) throws(CheckpointError) {
    var checksum = Checksum()
    checksum.update(bytes)
    let entry = records.index.entries[place]
    let pieces = seen.withLock { seen in
      seen.pieces[offset] = (checksum, bytes.byteCount)
      seen.byteCount += bytes.byteCount
      return seen.byteCount == entry.storedByteCount ? seen.pieces : nil
    }
    guard let pieces else { return }
    var whole = Checksum()
    for (_, piece) in pieces.sorted(by: { $0.key < $1.key }) {
      whole.append(piece.checksum, of: piece.byteCount)
    }
    try entry.compare(whole.value)
    records.noteVerified(place)
  }
}
