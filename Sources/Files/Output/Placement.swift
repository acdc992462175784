// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Tensors

/// The last step of every output: the finished temporary is renamed to its path.
enum Placement {
  /// Renames `temporary` to `target`.
  ///
  /// - Throws: `alreadyExists` when `target` exists and may not be replaced.
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

  /// Renames on file systems without an exclusive rename: a link, which is exclusive too, then an
  /// unlink; for a directory, which cannot be linked, a check before the rename.
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

  /// The status of what is at an output's path, without following a link; nil when nothing is
  /// there.
  ///
  /// - Throws: `system` when it cannot be read, which does not mean that nothing is there.
  static func status(of target: FilePath) throws(CheckpointError) -> Stat? {
    switch SystemCalls.status(of: target) {
    case .success(let status): return status
    case .failure(let reason): throw .system("examine", reason, path: target)
    }
  }

  /// Refuses to replace a link such as `/dev/stdout`, which other programs rely on.
  ///
  /// - Throws: `invalidArgument` when the link leads to a device, pipe or socket, or to a file that a
  ///   process has open.
  static func refuseLinkToStream(_ link: FilePath) throws(CheckpointError) {
    var isStream = false
    if case .success(let text) = SystemCalls.linkText(link) {
      let place = text.isAbsolute ? text : link.parent.pushing(text)
      isStream = place.starts(with: "/proc") || place.starts(with: "/dev/fd")
    }
    // Broken links are replaced like any other.
    if !isStream, let status = try? Stat(link) {
      isStream = status.type != .regular && status.type != .directory
    }
    guard isStream else { return }
    throw CheckpointError(
      .invalidArgument, "is a symbolic link to a device, a pipe or an open file", path: link.string,
      hint: "name a file")
  }

  /// Flushes the name of an output to the drive.
  static func synchronizeName(of target: FilePath) throws(CheckpointError) {
    try synchronizeDirectory(
      target.parent, doing: "flush its directory", reportedAs: target)
  }

  /// Flushes the names in a directory to the drive.
  ///
  /// - Parameter reportedPath: the directory's path for errors.
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
  /// The path of the directory that contains this entry; `.` for a bare name.
  var parent: FilePath {
    let parent = removingLastComponent()
    return parent.isEmpty ? "." : parent
  }
}
