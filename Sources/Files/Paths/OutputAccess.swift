// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage

/// The permissions of an output that replaces nothing; the umask applies to them.
public struct OutputAccess: Sendable {
  let file: FilePermissions
  let directory: FilePermissions

  /// The usual permissions: read and write for all users, and search for directories.
  public static let usual = OutputAccess(
    file: [.ownerReadWrite, .groupReadWrite, .otherReadWrite], directory: .everything)

  init(file: FilePermissions, directory: FilePermissions) {
    self.file = file
    self.directory = directory
  }

  /// The permissions of an output's input, which are copied as `cp` does; the usual ones when
  /// nothing is there.
  ///
  /// - Parameter path: a file or a directory; symbolic links are followed.
  public init(like path: String) {
    self = Self(existing: FilePath(path)) ?? .usual
  }

  /// The permissions of an input below a directory; the usual ones when nothing is there.
  public init(like file: RelativePath, in directory: String) {
    self = Self(existing: file, in: directory) ?? .usual
  }

  /// The permissions of an input below a directory; nil when nothing is there.
  public init?(existing file: RelativePath, in directory: String) {
    self.init(existing: file.filePath(in: directory))
  }

  private init?(existing path: FilePath) {
    guard let status = try? Stat(path) else { return nil }
    self.init(status)
  }

  init(_ status: Stat) {
    let permissions = status.permissions.intersection(.everything)
    // When a file becomes a directory, read permission implies search permission.
    let search =
      status.type == .directory ? [] : FilePermissions(rawValue: permissions.rawValue >> 2 & 0o111)
    // The owner must be able to create files in the new directory.
    self.init(
      file: permissions, directory: permissions.union(search).union(.ownerReadWriteExecute))
  }
}
