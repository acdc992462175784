internal import SystemPackage
public import Tensors

/// What a path leads to, symbolic links followed.
public enum PathKind: Sendable {
  /// A regular file.
  case file
  /// A directory.
  case directory
  /// Anything else: a pipe, a device, a socket.
  case other

  /// Looks at a path.
  ///
  /// - Throws: `missing` when nothing is there, `system` when it may not be looked at.
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

  /// What a symbolic link at the path says, nil when there is none.
  public static func linkTarget(_ path: String) -> String? {
    guard case .success(let target) = SystemCalls.linkText(FilePath(path)) else { return nil }
    return target.string
  }

  /// What is there, nil when nothing is or it may not be looked at.
  public static func existing(_ path: String) -> PathKind? {
    try? PathKind(path: path)
  }
}
