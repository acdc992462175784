internal import SystemPackage
public import Tensors

/// Stand-ins, with names in UTF-8, for an input and an output whose paths are not.
///
/// Code that takes paths as text cannot name such files. It is given a link to the input and a place
/// for the output, from where `commit` moves it to where it belongs.
public struct PathPlaceholder: ~Copyable {
  private let target: FilePath
  private let scratch: FilePath
  private let policy: OutputPolicy
  /// A link to the input.
  public let source: String
  /// Where the output is to be written, where nothing is; or a link to the output that is there.
  public let destination: String

  /// Makes links, in a temporary directory in the root of the outputs.
  ///
  /// - Parameters:
  ///   - extensions: what the names of the stand-ins end in, `.bin` or nothing.
  ///   - reads: whether the output is there, and only to be read.
  /// - Throws: `missing` when there is no input, `alreadyExists` when there is an output and the
  ///   policy does not replace, `system` when the link cannot be made.
  public init(
    for source: RelativePath, in sourceRoot: String, and destination: RelativePath,
    in destinationRoot: String, extensions: (source: String, destination: String),
    reads: Bool, policy: OutputPolicy
  ) throws(CheckpointError) {
    let input = source.filePath(in: sourceRoot)
    let target = destination.filePath(in: destinationRoot)
    if !reads, !policy.replacesExisting, try Placement.status(of: target) != nil {
      throw .alreadyExists(target)
    }
    let absolute = (
      source: try Self.resolved(input), destination: reads ? try Self.resolved(target) : nil
    )
    let scratch: FilePath
    switch TemporaryName.makeSibling(
      of: FilePath(destinationRoot).appending("stand-in"),
      { path in
        // Nobody else needs to see an output before it has the permissions of what it replaces.
        SystemCalls.makeDirectory(path, permissions: .ownerReadWriteExecute)
          .map { .failure($0) } ?? .success(())
      })
    {
    case .success(let made): scratch = made.path
    case .failure(let reason): throw .cannotCreate("a directory", beside: target, reason)
    }
    let link = scratch.appending("source" + extensions.source)
    let output = scratch.appending("output" + extensions.destination)
    let failure =
      SystemCalls.symbolicLink(link, to: absolute.source)
      ?? absolute.destination.flatMap { SystemCalls.symbolicLink(output, to: $0) }
    if let failure {
      _ = DirectoryTree.remove(scratch)
      throw .system("create a link", failure, path: scratch)
    }
    self.target = target
    self.scratch = scratch
    self.policy = policy
    self.source = link.string
    self.destination = output.string
  }

  deinit {
    _ = DirectoryTree.remove(scratch)
  }

  /// Moves the output, a file or a directory, to its place.
  ///
  /// - Throws: `alreadyExists` when something took the place meanwhile and the policy does not
  ///   replace, `invalidArgument` when a directory would take the place of something else or the
  ///   other way round, `system` when renaming fails; then what stood there still stands.
  public consuming func commit() throws(CheckpointError) {
    let output = FilePath(destination)
    if (try calling("examine", output) { try Stat(output) }).type == .directory {
      return try DirectoryPlacement.place(output, at: target, policy: policy)
    }
    if let permissions = try AtomicFile.permissionsOfFile(toReplace: target, policy: policy) {
      try Self.setPermissions(permissions, of: output)
    }
    try Placement.place(output, at: target, replacing: policy.replacesExisting)
    if policy.synchronizes { try Placement.synchronizeName(of: target) }
  }

  private static func setPermissions(
    _ permissions: FilePermissions, of output: FilePath
  ) throws(CheckpointError) {
    let descriptor = try calling("open", output) {
      try FileDescriptor.open(output, .readOnly, options: [.closeOnExec])
    }
    defer { _ = SystemCalls.close(descriptor) }
    try check(SystemCalls.setPermissions(permissions, of: descriptor), "set permissions", output)
  }

  private static func resolved(_ path: FilePath) throws(CheckpointError) -> FilePath {
    switch SystemCalls.resolved(path) {
    case .success(let path): return path
    case .failure(let reason): throw .system("open", reason, path: path)
    }
  }
}
