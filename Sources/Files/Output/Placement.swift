internal import SystemPackage
internal import Tensors

/// The last step of every output: a finished temporary takes its name.
enum Placement {
  /// Renames `temporary` to `target`.
  ///
  /// - Throws: `alreadyExists` when `target` exists and is not to be replaced.
  static func place(
    _ temporary: FilePath, at target: FilePath, replacing: Bool
  ) throws(CheckpointError) {
    var failure =
      replacing
      ? SystemCalls.rename(temporary, to: target)
      : SystemCalls.renameExclusively(temporary, to: target)
    if failure == .notSupported, !replacing {
      failure = renameIfAbsent(temporary, to: target)
    }
    if failure == .fileExists || failure == .directoryNotEmpty, !replacing {
      throw .alreadyExists(target)
    }
    try check(failure, "put the output in place", target)
  }

  /// Where the file system has no exclusive rename: a link, which is exclusive too, then an unlink;
  /// for a directory, which cannot be linked, a look before the rename.
  private static func renameIfAbsent(_ temporary: FilePath, to target: FilePath) -> Errno? {
    let failure = SystemCalls.link(temporary, to: target)
    guard let failure else { return SystemCalls.unlink(temporary) }
    guard failure == .notPermitted || failure == .notSupported else { return failure }
    if (try? Stat(target, followTargetSymlink: false)) != nil { return .fileExists }
    return SystemCalls.rename(temporary, to: target)
  }

  /// Makes the names in a directory durable.
  static func synchronizeDirectory(_ directory: FilePath) throws(CheckpointError) {
    let descriptor = try calling("open", directory) {
      try FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec])
    }
    defer { try? descriptor.close() }
    try check(SystemCalls.synchronize(descriptor), "flush", directory)
  }
}

extension FilePath {
  /// The directory that holds this name; `.` for a bare name.
  var parent: FilePath {
    let parent = removingLastComponent()
    return parent.isEmpty ? "." : parent
  }
}
