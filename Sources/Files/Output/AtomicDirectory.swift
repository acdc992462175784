// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A directory that appears whole or not at all.
///
/// Files are written to a temporary directory next to the path; `commit` renames it. If it replaces
/// a directory, the two are swapped and the old one is removed. Without `commit`, the temporary
/// directory is removed at the end of the value's life.
public struct AtomicDirectory: ~Copyable {
  private let target: FilePath
  private let temporary: FilePath
  private let policy: OutputPolicy
  private var isCommitted = false
  /// The directories to flush, this one and those inside it, each with its path for errors.
  private var directories: [(path: FilePath, reportedPath: FilePath)]

  /// Creates a temporary directory that `commit` will rename to `path`.
  ///
  /// - Parameters:
  ///   - path: the path of the finished directory.
  ///   - policy: whether an existing output is replaced, and whether the output is flushed to the
  ///     drive.
  ///   - access: the permissions of a new directory; a directory that is replaced passes on its
  ///     own.
  /// - Throws: `alreadyExists` when something is at `path` and the policy does not replace,
  ///   `invalidArgument` when that is not a directory, `system` when the parent cannot be written.
  public init(
    path: String, policy: OutputPolicy, access: OutputAccess = .usual
  ) throws(CheckpointError) {
    try self.init(path: path, policy: policy, access: access, isPlaceNew: false)
  }

  /// Creates a temporary directory that `commit` will rename to `path`.
  ///
  /// - Parameter isPlaceNew: as for `AtomicFile`.
  /// - Throws: as the initializer above, except `alreadyExists`.
  package init(
    path: String, policy: OutputPolicy, access: OutputAccess, isPlaceNew: Bool
  ) throws(CheckpointError) {
    let target = try Self.resolved(FilePath(path))
    // Replacing a directory must not grant access to those who had none.
    let replaces =
      try isPlaceNew && !policy.replacesExisting
      ? false : DirectoryPlacement.replaces(target, policy)
    let permissions =
      try replaces
      ? Placement.status(of: target)?.permissions.intersection(.everything)
        .union(.ownerReadWriteExecute) : nil
    switch TemporaryName.makeSibling(
      of: target,
      { path in
        SystemCalls.makeDirectory(path, permissions: permissions ?? access.directory).map {
          .failure($0)
        }
          ?? .success(())
      })
    {
    case .success(let made): temporary = made.path
    case .failure(let reason): throw .cannotCreate("a directory", beside: target, reason)
    }
    self.target = target
    self.policy = policy
    directories = [(temporary, target)]
  }

  deinit {
    if !isCommitted { _ = DirectoryTree.remove(temporary) }
  }

  /// Checks that a directory may be written to a path, before long work; nothing is created.
  ///
  /// - Parameters:
  ///   - path: the path of the finished directory.
  ///   - policy: whether an existing output is replaced.
  /// - Throws: as `init(path:policy:access:)`, except what only creating the directory shows.
  public static func checkPlace(_ path: String, policy: OutputPolicy) throws(CheckpointError) {
    _ = try DirectoryPlacement.replaces(resolved(FilePath(path)), policy)
  }

  /// Creates a file inside the directory; the file has its own `commit`.
  ///
  /// - Parameters:
  ///   - name: the path inside; create its directories with `makeDirectory` first.
  ///   - access: the permissions of the file.
  public func makeFile(
    _ name: RelativePath, access: OutputAccess = .usual
  ) throws(CheckpointError) -> AtomicFile {
    let path = name.path
    return try AtomicFile(
      inTemporary: temporary.pushing(path), reportedAs: target.pushing(path), policy: policy,
      access: access)
  }

  /// Creates a directory inside this one; the one that contains it must exist.
  public mutating func makeDirectory(
    _ name: RelativePath, access: OutputAccess = .usual
  ) throws(CheckpointError) {
    let path = temporary.pushing(name.path)
    let reportedPath = target.pushing(name.path)
    try check(
      SystemCalls.makeDirectory(path, permissions: access.directory), "create a directory",
      reportedPath)
    directories.append((path, reportedPath))
  }

  /// Renames the directory to its path.
  ///
  /// - Throws: `alreadyExists` when something has appeared at the path and the policy does not
  /// replace, `system` when flushing, renaming or removing the old directory fails. Unless it was
  /// the removal that failed, the old directory is still in place.
  public consuming func commit() throws(CheckpointError) {
    if policy.synchronizes {
      for (path, reportedPath) in directories {
        try Placement.synchronizeDirectory(path, reportedAs: reportedPath)
      }
    }
    try DirectoryPlacement.place(temporary, at: target, policy: policy)
    isCommitted = true
  }

  /// The path without trailing `.`, which cannot be renamed. Each `..` stays: after a symbolic link
  /// it does not lead to the parent that the text suggests.
  private static func resolved(_ path: FilePath) throws(CheckpointError) -> FilePath {
    var target = path
    var kind = target.lastComponent?.kind
    while kind == .currentDirectory {
      target.removeLastComponent()
      kind = target.lastComponent?.kind
    }
    guard kind == .regular else {
      throw CheckpointError(
        .invalidArgument, "cannot be replaced by an output; name the directory itself",
        path: path.string)
    }
    return target
  }
}
