internal import SystemPackage
public import Tensors

/// A directory that appears whole or not at all.
///
/// Files go into a temporary sibling; `commit` gives it the name. A directory that is replaced is
/// swapped out whole, then removed. A value that ends without `commit` removes its sibling.
public struct AtomicDirectory: ~Copyable {
  private let target: FilePath
  private let temporary: FilePath
  private let policy: OutputPolicy
  private var isCommitted = false
  /// The directories inside, itself among them, whose entries are to be flushed, each with what
  /// errors call it.
  private var directories: [(path: FilePath, reportedPath: FilePath)]

  /// Starts a directory that will stand at `path`.
  ///
  /// - Parameter access: who may use it; what is replaced decides that itself.
  /// - Throws: `alreadyExists` when there is something and the policy does not replace,
  ///   `invalidArgument` when that is no directory, `system` when the parent cannot be written.
  public init(
    path: String, policy: OutputPolicy, access: OutputAccess = .usual
  ) throws(CheckpointError) {
    try self.init(path: path, policy: policy, access: access, isPlaceNew: false)
  }

  /// Starts a directory that will stand at `path`.
  ///
  /// - Parameter isPlaceNew: as for `AtomicFile`.
  /// - Throws: as the above, save `alreadyExists`.
  package init(
    path: String, policy: OutputPolicy, access: OutputAccess, isPlaceNew: Bool
  ) throws(CheckpointError) {
    let target = try Self.resolved(FilePath(path))
    // What others may not look into must not be opened to them by being replaced.
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

  /// Starts a file inside; its own `commit` puts it there.
  ///
  /// - Parameter name: the path inside, its directories made by `makeDirectory`.
  public func makeFile(
    _ name: RelativePath, access: OutputAccess = .usual
  ) throws(CheckpointError) -> AtomicFile {
    let path = name.path
    return try AtomicFile(
      inTemporary: temporary.pushing(path), reportedAs: target.pushing(path), policy: policy,
      access: access)
  }

  /// Makes a directory inside.
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

  /// Gives the directory its name.
  ///
  /// - Throws: `alreadyExists` when something took the name meanwhile and the policy does not
  ///   replace, `system` when flushing or renaming fails; then what stood there still stands, unless
  ///   it is its removal that failed.
  public consuming func commit() throws(CheckpointError) {
    if policy.synchronizes {
      for (path, reportedPath) in directories {
        try Placement.synchronizeDirectory(path, reportedAs: reportedPath)
      }
    }
    try DirectoryPlacement.place(temporary, at: target, policy: policy)
    isCommitted = true
  }

  /// The path without trailing `.`, which could not be renamed. Its `..` stay: behind a symbolic
  /// link they lead elsewhere than the text says.
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
