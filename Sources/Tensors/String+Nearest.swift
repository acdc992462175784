// SPDX-License-Identifier: Apache-2.0

extension String {
  /// The words that this one was probably meant to be, the nearest first: those that take at most a
  /// third of their letters as insertions, deletions, replacements and exchanges of neighbors, in any case.
  ///
  /// - Parameters:
  ///   - words: the words to choose from.
  ///   - limit: the largest number of words to return.
  /// - Complexity: O(length of all words · own length), at most 64 bytes of which are compared.
  package func nearest(in words: some Sequence<String>, limit: Int = 3) -> [String] {
    near(in: words, share: 3).prefix(limit).map(\.word)
  }

  /// The words that take at most a share of their letters to change, the nearest first.
  private func near(
    in words: some Sequence<String>, share: Int
  ) -> [(word: String, distance: Int)] {
    let own = Array(lowercased().utf8.prefix(Self.mostCompared))
    return words.compactMap { word -> (word: String, distance: Int)? in
      let distance = Self.distance(own, Array(word.lowercased().utf8.prefix(Self.mostCompared)))
      return distance <= max(1, word.utf8.count / share) ? (word, distance) : nil
    }.sorted { ($0.distance, $0.word) < ($1.distance, $1.word) }
  }

  /// `did you mean a, b or c?`, of the words that are the nearest, and take at most a fourth of their
  /// letters; nil if there are none.
  ///
  /// - Parameter spelling: how a word is written.
  package func suggestion(
    from words: some Sequence<String>, spelling: (String) -> String = { $0 }
  ) -> String? {
    let found = near(in: words, share: 4)
    let near = found.prefix { $0.distance == found[0].distance }.prefix(3).map { spelling($0.word) }
    guard let last = near.last else { return nil }
    let others = near.dropLast().joined(separator: ", ")
    return "did you mean \(others.isEmpty ? "" : others + " or ")\(last)?"
  }

  private static let mostCompared = 64

  /// The number of insertions, deletions, replacements and exchanges of neighbors that make one text of
  /// the other.
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var (before, row) = ([Int](), Array(0...right.count))
    for (i, byte) in left.enumerated() {
      var next = [i + 1]
      for (j, other) in right.enumerated() {
        let replaced = row[j] + (byte == other ? 0 : 1)
        var least = Swift.min(replaced, next[j] + 1, row[j + 1] + 1)
        if i > 0, j > 0, byte == right[j - 1], left[i - 1] == other {
          least = Swift.min(least, before[j - 1] + 1)
        }
        next.append(least)
      }
      (before, row) = (row, next)
    }
    return row[right.count]
  }
}
