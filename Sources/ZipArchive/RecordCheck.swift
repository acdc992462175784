// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Synchronization
package import Tensors

/// Verifies the checksum of a stored record while it is copied in pieces.
package final class RecordCheck: RangeCheck {
  private let place: Int
  private let records: ZipRecords
  private let seen: Mutex<Seen>

  private struct Seen {
    /// The checksum of all bytes of the record up to `end`.
    var checksum = Checksum()
    var end: Int
    /// The checksums of pieces that arrived before an earlier piece, by their offsets.
    var waiting: [Int: (checksum: Checksum, byteCount: Int)] = [:]

    /// Adds a piece, and combines the checksums of consecutive pieces.
    mutating func add(_ piece: Checksum, _ byteCount: Int, at offset: Int) {
      waiting[offset] = (piece, byteCount)
      while let next = waiting.removeValue(forKey: end) {
        checksum.append(next.checksum, of: next.byteCount)
        end += next.byteCount
      }
    }
  }

  /// Starts the check of the entry at a place in the index.
  package init(_ place: Int, of records: ZipRecords) {
    self.place = place
    self.records = records
    seen = Mutex(Seen(end: records.index.entries[place].dataOffset))
  }

  package func check(_ bytes: RawSpan, at offset: Int) throws(CheckpointError) {
    var piece = Checksum()
    piece.update(bytes)
    let byteCount = bytes.byteCount
    let (checksum, end) = seen.withLock { [piece] seen in
      seen.add(piece, byteCount, at: offset)
      return (seen.checksum, seen.end)
    }
    let entry = records.index.entries[place]
    guard end == entry.dataRange.upperBound else { return }
    try entry.compare(checksum.value)
    records.noteVerified(place)
  }
}
