internal import SystemPackage
public import Tensors

/// What tells cheaply that a file has changed: its size and when it was last written.
public struct FileStamp: Sendable, Hashable {
  /// The size in bytes.
  public var byteCount: Int
  /// When it was last modified: nanoseconds since 1970.
  public var modified: Int

  /// Takes values that were noted before.
  public init(byteCount: Int, modified: Int) {
    self.byteCount = byteCount
    self.modified = modified
  }

  /// Looks at a regular file, links followed.
  ///
  /// - Throws: `missing` when nothing is there, `system` when it may not be looked at,
  ///   `invalidArgument` when it is no regular file.
  public init(_ file: RelativePath, in directory: String) throws(CheckpointError) {
    try self.init(file.filePath(in: directory))
  }

  /// Looks at a regular file, links followed.
  ///
  /// - Throws: as `init(_:in:)`.
  public init(path: String) throws(CheckpointError) {
    try self.init(FilePath(path))
  }

  private init(_ path: FilePath) throws(CheckpointError) {
    let status = try calling("open", path) { try Stat(path) }
    guard status.type == .regular else {
      throw CheckpointError(.invalidArgument, "is not a regular file", path: path.string)
    }
    byteCount = Int(status.size)
    modified = status.modifiedNanoseconds
  }

  /// Both together: all bytes, and the later time.
  public static func + (left: Self, right: Self) -> Self {
    Self(
      byteCount: left.byteCount &+ right.byteCount, modified: max(left.modified, right.modified))
  }
}
