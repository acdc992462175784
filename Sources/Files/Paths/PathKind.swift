// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// The type of file at a path, following symbolic links.
public enum PathKind: Sendable {
  /// A regular file.
  case file
  /// A directory.
  case directory
  /// A pipe, device, socket or other special file.
  case other

  /// Reads the type of the file at a path.
  ///
  /// - Throws: `missing` when nothing is there, `system` when its status cannot be read.
  public init(path: String) throws(CheckpointError) {
    let path = FilePath(path)
    switch try calling("open", path, { try Stat(path) }).type {
    case .regular: self = .file
    case .directory: self = .directory
    default: self = .other
    }
  }

  /// Whether the path itself is a symbolic link.
  public static func isSymbolicLink(_ path: String) -> Bool {
    (try? Stat(FilePath(path), followTargetSymlink: false))?.type == .symbolicLink
  }

  /// The text of the symbolic link at a path; nil when there is none.
  public static func linkTarget(_ path: String) -> String? {
    guard case .success(let target) = SystemCalls.linkText(FilePath(path)) else { return nil }
    return target.string
  }

  /// The type of the file at a path; nil when nothing is there or its status cannot be read.
  public static func existing(_ path: String) -> PathKind? {
    try? PathKind(path: path)
  }
}
