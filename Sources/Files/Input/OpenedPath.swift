// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A path that is opened once: a file, or a walk through a directory.
public enum OpenedPath: Sendable {
  /// A regular file.
  case file(InputFile)
  /// A directory and the directories below it.
  case tree(TreeWalk)

  /// Opens a path, following symbolic links.
  ///
  /// - Throws: as `InputFile(path:)` and `TreeWalk(of:)`.
  public init(_ path: String) throws(CheckpointError) {
    var directory: FileDescriptor?
    if let file = try InputFile(unlessDirectory: path, else: { directory = $0 }) {
      self = .file(file)
    } else {
      self = .tree(try TreeWalk(of: path, closing: directory))
    }
  }
}
