internal import Archives
internal import Files
internal import Tensors

extension ConversionOptions {
  /// The patterns that stand for no tensor of an archive, as notes tell of them: mostly a slip.
  ///
  /// - Throws: as `NameRewriter.init`.
  /// - Complexity: O(tensors · patterns).
  func idlePatterns(in archive: any TensorArchive) throws(CheckpointError) -> [String] {
    let patterns = [
      ("--include", selection.included), ("--exclude", selection.excluded),
      ("--dtype", casts.compactMap(\.pattern)),
    ]
    guard !selection.replacements.isEmpty || patterns.contains(where: { !$0.1.isEmpty }) else {
      return []
    }
    let all =
      archive.tensors.map(\.name) + archive.skipped.filter(\.isTensor).map(\.name)
    var idle: [String] = []
    for (option, patterns) in patterns {
      for pattern in patterns where !all.contains(where: pattern.matches) {
        idle.append("\(option) '\(pattern.text.excerpt)' matches no tensor")
      }
    }
    // Each replacement sees what those before it have made of the names.
    var names = all.filter(selection.contains)
    for replacement in selection.replacements {
      let rewriter = try NameRewriter(replacement)
      let renamed = names.map(rewriter.rewrite)
      if renamed == names {
        idle.append("--rename '\(replacement.pattern.excerpt)=…' changes no name")
      }
      names = renamed
    }
    return idle
  }
}
