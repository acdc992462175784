// SPDX-License-Identifier: Apache-2.0

extension String {
  /// The words that this one was probably meant to be, the nearest first: those that take at most a
  /// third of their letters as insertions, deletions and replacements, in any case.
  ///
  /// - Parameters:
  ///   - words: the words to choose from.
  ///   - limit: the largest number of words to return.
  /// - Complexity: O(length of all words · own length), at most 64 bytes of which are compared.
  package func nearest(in words: some Sequence<String>, limit: Int = 3) -> [String] {
    let own = Array(lowercased().utf8.prefix(Self.mostCompared))
    let near = words.compactMap { word -> (word: String, distance: Int)? in
      let distance = Self.distance(own, Array(word.lowercased().utf8.prefix(Self.mostCompared)))
      return distance <= max(1, word.utf8.count / 3) ? (word, distance) : nil
    }
    return near.sorted { ($0.distance, $0.word) < ($1.distance, $1.word) }.prefix(limit).map(\.word)
  }

  /// `did you mean a, b or c?`, of the words that this one was probably meant to be; nil if none is near.
  ///
  /// - Parameter spelling: how a word is written.
  package func suggestion(
    from words: some Sequence<String>, spelling: (String) -> String = { $0 }
  ) -> String? {
    let near = nearest(in: words).map(spelling)
    guard let last = near.last else { return nil }
    let others = near.dropLast().joined(separator: ", ")
    return "did you mean \(others.isEmpty ? "" : others + " or ")\(last)?"
  }

  private static let mostCompared = 64

  /// The number of insertions, deletions and replacements that make one text of the other.
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, byte) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in right.enumerated() {
        let replaced = diagonal + (byte == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = Swift.min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
