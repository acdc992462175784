// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// Placeholders, with paths in UTF-8, for an input and an output whose paths are not.
///
/// Code that takes paths as text cannot name such files. It gets the path of a link to the input and
/// a temporary path for the output, which `commit` moves to its real path.
public struct PathPlaceholder: ~Copyable {
  private let target: FilePath
  private let scratch: FilePath
  private let policy: OutputPolicy
  /// A link to the input.
  public let source: String
  /// The path to write the output to, where nothing exists; or a link to the existing output.
  public let destination: String

  /// Creates the links in a temporary directory in the root of the outputs.
  ///
  /// - Parameters:
  ///   - source: the path of the input below `sourceRoot`.
  ///   - sourceRoot: the root of the inputs.
  ///   - destination: the path of the output below `destinationRoot`.
  ///   - destinationRoot: the root of the outputs.
  ///   - extensions: the file extensions of the placeholders, such as `.bin`, or "".
  ///   - reads: whether the output exists and will only be read.
  ///   - policy: whether an existing output is replaced.
  /// - Throws: `missing` when the input does not exist, `alreadyExists` when the output exists and the
  ///   policy does not replace, `system` when a link cannot be created.
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
      of: FilePath(destinationRoot).appending("placeholder"),
      { path in
        // The output is private until it has the permissions of the file it replaces.
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

  /// Moves the output, a file or a directory, to its path.
  ///
  /// - Throws: `alreadyExists` when something has appeared there and the policy does not replace,
  ///   `invalidArgument` when a directory would replace something else or the other way round,
  ///   `system` when renaming fails. What was there before is then still in place.
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
