internal import Archives
internal import Files
internal import Tensors

extension ConversionOptions {
  /// A note for each pattern that matches no tensor of an archive and each replacement that changes
  /// no name: they are usually typos.
  ///
  /// - Throws: as `NameRewriter.init`.
  /// - Complexity: O(tensors · patterns).
  func unmatchedPatterns(in archive: any TensorArchive) throws(CheckpointError) -> [String] {
    let patterns = [
      ("--include", selection.included), ("--exclude", selection.excluded),
      ("--dtype", casts.compactMap(\.pattern)),
    ]
    guard !selection.replacements.isEmpty || patterns.contains(where: { !$0.1.isEmpty }) else {
      return []
    }
    let all =
      archive.tensors.map(\.name) + archive.skipped.filter(\.isTensor).map(\.name)
    var notes: [String] = []
    for (option, patterns) in patterns {
      for pattern in patterns where !all.contains(where: pattern.matches) {
        notes.append("\(option) '\(pattern.text.excerpt)' matches no tensor")
      }
    }
    // Each replacement sees the names that those before it produced.
    var names = all.filter(selection.contains)
    for replacement in selection.replacements {
      let rewriter = try NameRewriter(replacement)
      let renamed = names.map(rewriter.rewrite)
      if renamed == names {
        notes.append("--rename '\(replacement.pattern.excerpt)=…' changes no name")
      }
      names = renamed
    }
    return notes
  }
}
