// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

extension ConversionOptions {
  /// The patterns that match no tensor of an archive, and the replacements that change no name.
  ///
  /// - Throws: as `NameRewriter.init`.
  /// - Complexity: O(tensors · patterns).
  func unmatchedPatterns(
    in archive: any TensorArchive
  ) throws(CheckpointError) -> [UnmatchedPattern] {
    let patterns: [(UnmatchedPattern.Option, [GlobPattern])] = [
      (.include, selection.included), (.exclude, selection.excluded),
      (.cast, casts.compactMap(\.pattern)),
    ]
    guard !selection.replacements.isEmpty || patterns.contains(where: { !$0.1.isEmpty }) else {
      return []
    }
    let all =
      archive.tensors.map(\.name) + archive.skipped.filter(\.isTensor).map(\.name)
    var unmatched: [UnmatchedPattern] = []
    for (option, patterns) in patterns {
      for pattern in patterns where !all.contains(where: pattern.matches) {
        unmatched.append(UnmatchedPattern(option: option, pattern: pattern.text))
      }
    }
    // Each replacement is applied to the names that the ones before it produced.
    var names = all.filter(selection.contains)
    var budget = NameRewriter.budget(forByteCount: archive.nameByteCount)
    for replacement in selection.replacements {
      let rewriter = try NameRewriter(replacement)
      let renamed = try names.map { name throws(CheckpointError) in
        try rewriter.rewrite(name, budget: &budget)
      }
      if renamed == names {
        unmatched.append(UnmatchedPattern(option: .rename, pattern: replacement.pattern))
      }
      names = renamed
    }
    return unmatched
  }
}

extension TensorArchive {
  /// The size of the names of all tensors, in bytes.
  var nameByteCount: Int {
    (0..<tensorCount).reduce(0) { $0 + tensor(at: $1).name.string.utf8.count }
  }
}
