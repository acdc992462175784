internal import SystemPackage

/// Who may read and write an output that replaces nothing, as far as the umask leaves it to them.
public struct OutputAccess: Sendable {
  let file: FilePermissions
  let directory: FilePermissions

  /// What programs mostly ask for: a file is for all to read and write.
  public static let usual = OutputAccess(
    file: [.ownerReadWrite, .groupReadWrite, .otherReadWrite], directory: .everything)

  init(file: FilePermissions, directory: FilePermissions) {
    self.file = file
    self.directory = directory
  }

  /// The access that there is to what an output is made of, as `cp` hands it on; the usual one when
  /// nothing is there.
  ///
  /// - Parameter path: a file or a directory; symbolic links are followed.
  public init(like path: String) {
    self = Self(existing: FilePath(path)) ?? .usual
  }

  /// The same for what stands below a directory.
  public init(like file: RelativePath, in directory: String) {
    self = Self(existing: file, in: directory) ?? .usual
  }

  /// The same; nil when nothing is there.
  public init?(existing file: RelativePath, in directory: String) {
    self.init(existing: file.filePath(in: directory))
  }

  private init?(existing path: FilePath) {
    guard let status = try? Stat(path) else { return nil }
    self.init(status)
  }

  init(_ status: Stat) {
    let permissions = status.permissions.intersection(.everything)
    // Whoever may read a file that becomes a directory may search that.
    let search =
      status.type == .directory ? [] : FilePermissions(rawValue: permissions.rawValue >> 2 & 0o111)
    // Whoever makes a directory puts something into it.
    self.init(
      file: permissions, directory: permissions.union(search).union(.ownerReadWriteExecute))
  }
}
