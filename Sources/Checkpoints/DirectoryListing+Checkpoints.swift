// SPDX-License-Identifier: Apache-2.0
internal import Archives
package import Files

extension DirectoryListing {
  /// The path of the regular file of a name, or of a link to one; nil if there is none.
  ///
  /// - Parameter root: the root of the tree that the directory was listed in.
  package func file(named name: String, in root: String) -> RelativePath? {
    guard let index = index(of: name) else { return nil }
    switch kind(at: index) {
    case .file: return path(at: index)
    case .link:
      let path = path(at: index)
      return path.kind(in: root) == .file ? path : nil
    case .directory, .other: return nil
    }
  }

  /// Whether the directory is a model (spec/bulk.md, B2): it has weights under a name that models use,
  /// or a config that names weights in it.
  ///
  /// - Parameter root: the root of the tree that the directory was listed in.
  package func isModel(in root: String) -> Bool {
    if ModelDirectory.isModel(hasFile: { file(named: $0, in: root) != nil }) { return true }
    let hasCandidates = (0..<count).contains { place in
      let name = text(at: place)
      return name.hasSuffix(".safetensors") || name.hasSuffix(ShardIndex.nameSuffix)
    }
    return hasCandidates && path.isText
      && ModelDirectory.hasNamedWeights(path.string(in: root))
  }

  /// Whether an entry has the name of a checkpoint and is not a directory (spec/bulk.md, B2 and B6).
  package func isCheckpointFile(at index: Int, in root: String) -> Bool {
    let kind = kind(at: index)
    guard kind != .directory,
      CheckpointFormats.format(ofFileName: text(at: index))?.isExpectedInTrees == true,
      !Checkpoint.isAppleDouble(path(at: index), in: root)
    else { return false }
    // An entry that cannot be read fails later: its name says that it is a checkpoint.
    return kind != .link || path(at: index).kind(in: root) != .directory
  }
}
