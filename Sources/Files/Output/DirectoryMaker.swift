// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// Creates the directories for outputs.
public struct DirectoryMaker: Sendable {
  /// The directory that contains all others.
  public let root: String
  /// The input tree, whose directories give the permissions of those that are created.
  private let model: String
  private let synchronizes: Bool
  /// The directory of the last output, where the next one usually goes too.
  private var last: RelativePath?
  /// Whether `last` was created by this value.
  private var isLastNew = false

  /// Creates a value that will create `root` and directories below it.
  ///
  /// - Parameters:
  ///   - root: the directory of the output tree.
  ///   - model: the input tree; each of its directories gives its permissions to the one that
  ///     corresponds to it below `root`.
  ///   - synchronizes: whether a new directory is flushed to the drive before it is used.
  public init(root: String, like model: String, synchronizes: Bool) {
    self.root = root
    self.model = model
    self.synchronizes = synchronizes
  }

  /// Creates the root, and its parents where they are missing.
  ///
  /// - Throws: `system` when a directory cannot be created, `invalidArgument` when `root` is not one.
  public mutating func makeRoot() throws(CheckpointError) {
    try make(.root)
  }

  /// Creates the directory of `path` unless it exists.
  ///
  /// - Returns: whether this call or the one before it created the directory.
  /// - Throws: as `makeRoot`.
  /// - Complexity: no system call for the same directory as in the last call.
  public mutating func makeParent(of path: RelativePath) throws(CheckpointError) -> Bool {
    try make(path.parent)
    return isLastNew
  }

  private mutating func make(_ relative: RelativePath) throws(CheckpointError) {
    guard relative != last else { return }
    let directory = relative.filePath(in: root)
    var missing: [(path: FilePath, place: RelativePath?)] = []
    var isNew = false
    var current = directory
    // The path below the root; nil above it.
    var place: RelativePath? = relative
    climb: while true {
      switch makeDirectory(current, at: place) {
      case nil:
        isNew = true
        try synchronizeParent(of: current)
        break climb
      case .fileExists: break climb
      case .noSuchFileOrDirectory where current != current.parent:
        missing.append((current, place))
        current = current.parent
        place = place.flatMap { $0.isEmpty ? nil : $0.parent }
      case let reason?: throw .system("create a directory", reason, path: current)
      }
    }
    while let (next, place) = missing.popLast() {
      let failure = makeDirectory(next, at: place)
      // It may exist by now: another process, or a path through a link, may have created it.
      isNew = failure == nil
      if failure != .fileExists { try check(failure, "create a directory", next) }
      try synchronizeParent(of: next)
    }
    guard (try? Stat(directory))?.type == .directory else {
      throw CheckpointError(.invalidArgument, "is not a directory", path: directory.string)
    }
    last = relative
    isLastNew = isNew
  }

  private func makeDirectory(_ path: FilePath, at place: RelativePath?) -> Errno? {
    let access = place.map { OutputAccess(like: $0, in: model) } ?? .usual
    return SystemCalls.makeDirectory(path, permissions: access.directory)
  }

  private func synchronizeParent(of directory: FilePath) throws(CheckpointError) {
    if synchronizes { try Placement.synchronizeName(of: directory) }
  }
}
