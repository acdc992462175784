// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

/// A walk through the adapters, models and checkpoint files of a tree.
///
/// The units are those of spec/bulk.md, B2, with two differences: a directory with a config is an
/// adapter even without weights, and the walk also enters adapters and models, which may contain
/// others, such as the checkpoints of a training run. Of the Hub's cache it enters the snapshots in use
/// (spec/hub-cache.md, Z6).
struct CheckpointWalk {
  /// A part of the tree that is checked by itself.
  enum Unit {
    case adapter(DirectoryListing)
    case model(RelativePath)
    case file(RelativePath)
    /// A directory that cannot be listed.
    case unreadable(RelativePath, CheckpointError)
  }

  private var walk: TreeWalk
  /// The files of the last directory that are still to come, the next one last.
  private var files: [RelativePath] = []

  /// Starts a walk.
  ///
  /// - Throws: `missing` or `system` when `root` cannot be listed.
  init(of root: String) throws(CheckpointError) {
    walk = try TreeWalk(of: root)
  }

  /// The next unit; nil at the end.
  mutating func next() -> Unit? {
    while true {
      if let file = files.popLast() { return .file(file) }
      switch walk.next(entering: .current) {
      case nil: return nil
      case .unreadable(let path, let error): return .unreadable(path, error)
      case .directory(let listing):
        if listing.file(named: AdapterConfig.fileName, in: walk.root) != nil {
          return .adapter(listing)
        }
        if listing.isModel(in: walk.root) {
          return .model(listing.path)
        }
        files = (0..<listing.count).reversed()
          .filter { listing.isCheckpointFile(at: $0, in: walk.root) }
          .map(listing.path(at:))
      }
    }
  }
}
