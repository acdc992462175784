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
    switch SystemCalls.status(of: target) {
    case .success(nil): return SystemCalls.rename(temporary, to: target)
    case .success: return .fileExists
    case .failure(let reason): return reason
    }
  }

  /// What stands where an output is to go, a link itself; nil when nothing does.
  ///
  /// - Throws: `system` when it cannot be known, which is not the same as nothing.
  static func status(of target: FilePath) throws(CheckpointError) -> Stat? {
    switch SystemCalls.status(of: target) {
    case .success(let status): return status
    case .failure(let reason): throw .system("examine", reason, path: target)
    }
  }

  /// Refuses to replace a link such as `/dev/stdout`, which programs beside this one stand on.
  ///
  /// - Throws: `invalidArgument` when the link leads to a device, pipe or socket, or to what a process
  ///   has open.
  static func refuseLinkToStream(_ link: FilePath) throws(CheckpointError) {
    var isStream = false
    if case .success(let text) = SystemCalls.linkText(link) {
      let place = text.isAbsolute ? text : link.parent.pushing(text)
      isStream = place.starts(with: "/proc") || place.starts(with: "/dev/fd")
    }
    // Links that lead nowhere are replaced like any other.
    if !isStream, let status = try? Stat(link) {
      isStream = status.type != .regular && status.type != .directory
    }
    guard isStream else { return }
    throw CheckpointError(
      .invalidArgument, "is a symbolic link to a device, a pipe or an open file", path: link.string,
      hint: "name a file")
  }

  /// Makes the name of an output durable.
  static func synchronizeName(of target: FilePath) throws(CheckpointError) {
    try synchronizeDirectory(
      target.parent, doing: "flush the directory that holds it", reportedAs: target)
  }

  /// Makes the names in a directory durable.
  ///
  /// - Parameter reportedPath: what errors call the directory.
  static func synchronizeDirectory(
    _ directory: FilePath, doing action: String = "flush", reportedAs reportedPath: FilePath
  ) throws(CheckpointError) {
    let descriptor = try calling(action, reportedPath) {
      try FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec])
    }
    defer { _ = SystemCalls.close(descriptor) }
    try check(SystemCalls.synchronize(descriptor), action, reportedPath)
  }
}

extension FilePath {
  /// The directory that holds this name; `.` for a bare name.
  var parent: FilePath {
    let parent = removingLastComponent()
    return parent.isEmpty ? "." : parent
  }
}
