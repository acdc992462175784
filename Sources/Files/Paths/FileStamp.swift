// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// The size and modification time of a file: a cheap test of whether it has changed.
public struct FileStamp: Sendable, Hashable {
  /// The size in bytes.
  public var byteCount: Int
  /// The modification time, in nanoseconds since 1970.
  public var modified: Int

  /// Creates a stamp from recorded values.
  public init(byteCount: Int, modified: Int) {
    self.byteCount = byteCount
    self.modified = modified
  }

  /// Reads the stamp of a regular file, following symbolic links.
  ///
  /// - Throws: `missing` when nothing is there, `system` when its status cannot be read,
  ///   `invalidArgument` when it is not a regular file.
  public init(_ file: RelativePath, in directory: String) throws(CheckpointError) {
    try self.init(file.filePath(in: directory))
  }

  /// Reads the stamp of a regular file, following symbolic links.
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

  /// The stamp of two files together: the sum of the sizes and the later time.
  public static func + (left: Self, right: Self) -> Self {
    Self(
      byteCount: left.byteCount &+ right.byteCount, modified: max(left.modified, right.modified))
  }
}
