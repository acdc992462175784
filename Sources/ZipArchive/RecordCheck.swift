// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Synchronization
package import Tensors

/// Compares the checksum of a stored record while it is copied, piece by piece.
package final class RecordCheck: RangeCheck {
  private let place: Int
  private let records: ZipRecords
  private let seen: Mutex<Seen>

  private struct Seen {
    /// The checksum of all bytes of the record up to `end`.
    var checksum = Checksum()
    var end: Int
    /// Pieces that came before those in front of them, by where they start.
    var waiting: [Int: (checksum: Checksum, byteCount: Int)] = [:]

    /// Takes a piece, and joins what now follows one another.
    mutating func add(_ piece: Checksum, _ byteCount: Int, at offset: Int) {
      waiting[offset] = (piece, byteCount)
      while let next = waiting.removeValue(forKey: end) {
        checksum.append(next.checksum, of: next.byteCount)
        end += next.byteCount
      }
    }
  }

  /// Waits for the pieces of the entry at a place in the archive's index.
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
