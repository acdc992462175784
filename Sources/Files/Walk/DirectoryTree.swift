// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A listing of all files below a directory, held in memory.
public struct DirectoryTree: Sendable {
  /// The path of the directory.
  public let root: String
  /// The directories, each before its contents.
  public private(set) var directories: [RelativePath] = []
  /// The regular files.
  public private(set) var files: [RelativePath] = []
  /// Pipes, devices, sockets and broken links.
  public private(set) var others: [RelativePath] = []

  /// The path of an entry, for opening it.
  public func path(of entry: RelativePath) -> String {
    entry.string(in: root)
  }

  /// The files with one of the given names, by directory; directories without any are left out.
  ///
  /// - Complexity: O(files · names); no system calls.
  public func names(among names: [String]) -> [RelativePath: Set<String>] {
    var found: [RelativePath: Set<String>] = [:]
    for file in files {
      guard let name = names.first(where: file.isNamed) else { continue }
      found[file.parent, default: []].insert(name)
    }
    return found
  }

  /// The deepest level of a tree: adapters are not nested deeper, and links can make a tree
  /// endless.
  private static let deepest = 32

  /// Lists a tree, following symbolic links; the names of each directory are in byte order.
  ///
  /// - Throws: `system` when a directory cannot be read, `unsupported` when it is deeper than 32
  ///   levels, for example by a link to its own parent, or contains more than 100,000 entries.
  /// - Complexity: one or two system calls for each directory, and one for each link.
  public init(of root: String) throws(CheckpointError) {
    try self.init(of: root, mostEntries: 100_000)
  }

  /// Creates the tree of a directory that contains regular files only, from its listing.
  ///
  /// - Returns: nil when the listing has directories or links, or left out temporaries.
  public init?(of root: String, listed listing: DirectoryListing) {
    guard listing.isComplete, (0..<listing.count).allSatisfy({ listing.kind(at: $0) == .file })
    else { return nil }
    self.root = root
    files = (0..<listing.count).map { RelativePath(bytes: listing.name(at: $0)) }
  }

  /// Lists a tree of at most `mostEntries` entries.
  package init(of root: String, mostEntries: Int) throws(CheckpointError) {
    self.root = root
    var pending: [(path: FilePath, depth: Int)] = [(FilePath(""), 0)]
    var entryCount = 0
    while let (path, depth) = pending.popLast() {
      let directory = FilePath(root).pushing(path)
      guard depth <= Self.deepest else {
        throw CheckpointError(
          .unsupported, "is nested deeper than \(Self.deepest) directories",
          path: directory.string, hint: "does a symbolic link lead back to its own parent?")
      }
      if depth > 0 { directories.append(RelativePath(path)) }
      let names = try Self.typedNames(in: directory)
      entryCount += names.count
      // Several links to the same directory can turn a few directories into billions of paths.
      guard entryCount <= mostEntries else {
        throw CheckpointError(
          .unsupported, "contains more than \(mostEntries) files and directories", path: root,
          hint: "do symbolic links lead to the same directory many times?")
      }
      var inner: [(path: FilePath, depth: Int)] = []
      for (name, kind) in names {
        let entry = RelativePath(path.appending(name))
        switch Self.target(of: name, kind, in: directory) {
        case .regular: files.append(entry)
        case .directory: inner.append((entry.path, depth + 1))
        default: others.append(entry)
        }
      }
      pending += inner.reversed()
    }
  }

  /// The type of the file that an entry leads to; only links, and entries of unknown type, need a
  /// system call.
  private static func target(
    of name: FilePath.Component, _ kind: DirectoryListing.Kind?, in directory: FilePath
  ) -> FileType? {
    switch kind {
    case .file: .regular
    case .directory: .directory
    case .link, .other, nil: (try? Stat(directory.appending(name)))?.type
    }
  }

  /// The names of the directories directly in `root`, in byte order, following symbolic links.
  ///
  /// - Throws: `system` or `missing` when `root` cannot be listed.
  public static func subdirectories(of root: String) throws(CheckpointError) -> [String] {
    try names(of: .directory, in: root)
  }

  /// The names of the regular files directly in `root`, in byte order, following symbolic links.
  ///
  /// - Throws: `system` or `missing` when `root` cannot be listed.
  public static func files(in root: String) throws(CheckpointError) -> [String] {
    try names(of: .regular, in: root)
  }

  private static func names(
    of type: FileType, in root: String
  ) throws(CheckpointError) -> [String] {
    let root = FilePath(root)
    return try typedNames(in: root).filter { target(of: $0.name, $0.kind, in: root) == type }
      .map { $0.name.string }
  }

  private static func typedNames(
    in directory: FilePath
  ) throws(CheckpointError) -> [(name: FilePath.Component, kind: DirectoryListing.Kind?)] {
    switch DirectoryListing.typedNames(in: directory) {
    case .success(let names): return names
    case .failure(let reason): throw .system("list", reason, path: directory)
    }
  }

  /// Gives the owner of a directory full access, to remove its entries; failures show when that is
  /// tried.
  private static func makeWritable(_ directory: FilePath) {
    guard let status = try? Stat(directory, followTargetSymlink: false),
      status.type == .directory, !status.permissions.isSuperset(of: .ownerReadWriteExecute),
      let descriptor = try? FileDescriptor.open(
        directory, .readOnly, options: [.directory, .noFollow, .closeOnExec])
    else { return }
    let permissions = status.permissions.union(.ownerReadWriteExecute)
    _ = SystemCalls.setPermissions(permissions, of: descriptor)
    _ = SystemCalls.close(descriptor)
  }

  /// Removes a directory and everything in it. Links are removed, never followed; a `root` that is
  /// a link is a failure.
  ///
  /// - Returns: the first failure; nil when everything was removed.
  static func remove(_ root: FilePath) -> Errno? {
    var pending: [(path: FilePath, isEmptied: Bool)] = [(root, false)]
    while let (path, isEmptied) = pending.popLast() {
      if isEmptied {
        if let failure = SystemCalls.removeDirectory(path) { return failure }
        continue
      }
      makeWritable(path)
      switch DirectoryListing.names(in: path, followsLink: false) {
      case .failure(let failure): return failure
      case .success(let names):
        pending.append((path, true))
        for name in names {
          let entry = path.appending(name)
          if (try? Stat(entry, followTargetSymlink: false))?.type == .directory {
            pending.append((entry, false))
          } else if let failure = SystemCalls.unlink(entry) {
            return failure
          }
        }
      }
    }
    return nil
  }
}
