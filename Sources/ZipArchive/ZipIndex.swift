// SPDX-License-Identifier: Apache-2.0
package import Files
package import Tensors

/// The entries of a zip archive. Index and local headers were compared.
package struct ZipIndex: Sendable {
  /// The entries, in the order of the index.
  package let entries: [ZipEntry]
  /// Whether every checksum is 0: torch can be set to compute none.
  package let checksumsAreOff: Bool
  /// The comment of the archive, at the end of the file.
  package let comment: Range<Int>
  private let places: [UTF8Text: Int]
  private let mindsCase: Bool

  /// Reads the index and the headers of an archive that is the whole of a file.
  ///
  /// - Parameter mindsCase: whether names that differ only in case are different; they are the same to
  ///   torch.
  /// - Throws: `truncated`, `malformed` or `unsupported`, with entry and byte.
  /// - Complexity: O(entries · log entries), with one small read for each entry.
  package init(of file: InputFile, mindsCase: Bool = false) throws(CheckpointError) {
    let end = try ZipEnd(of: file)
    var entries = try ZipDirectory.read(file, end)
    var places: [UTF8Text: Int] = [:]
    places.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      let key = Self.key(entry.name, mindsCase)
      if let other = places.updateValue(index, forKey: key) {
        let isSame = UTF8Text(entries[other].name) == UTF8Text(entry.name)
        throw .malformed(
          isSame
            ? "the entry \"\(entry.name.excerpt)\" appears twice"
            : "the entry \"\(entry.name.excerpt)\" appears twice, in another case as "
              + "\"\(entries[other].name.excerpt)\"", at: entry.indexOffset)
      }
    }
    try ZipLocalHeaders.check(&entries, in: file, indexStart: end.index.lowerBound)
    self.entries = entries
    comment = end.comment
    self.places = places
    self.mindsCase = mindsCase
    checksumsAreOff = entries.allSatisfy { $0.checksum == 0 }
  }

  /// The index of the entry with this name.
  package func index(of name: String) -> Int? {
    guard let place = places[Self.key(name, mindsCase)] else { return nil }
    return UTF8Text(entries[place].name) == UTF8Text(name) ? place : nil
  }

  private static func key(_ name: String, _ mindsCase: Bool) -> UTF8Text {
    mindsCase ? UTF8Text(name) : ZipName.folded(name)
  }

  /// The entry with this name.
  package func entry(named name: String) -> ZipEntry? {
    index(of: name).map { entries[$0] }
  }
}
