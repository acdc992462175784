internal import SystemPackage

/// A path below some directory, as the file system spells it.
///
/// The bytes are kept: a name that is not valid UTF-8 still names the same file.
public struct RelativePath: Sendable, Hashable {
  let path: FilePath

  /// The path as text, for messages; bytes that are not UTF-8 show as U+FFFD.
  public var string: String { path.string }

  /// The last part of the path.
  public var name: String { path.lastComponent?.string ?? "" }

  /// Whether the path is a bare name, directly in its directory.
  public var isTopLevel: Bool { path.components.count == 1 }

  /// Whether the path is that of the directory itself.
  public var isEmpty: Bool { path.isEmpty }

  /// The path of something in this directory.
  public func appending(_ name: String) -> RelativePath { RelativePath(path.appending(name)) }

  init(_ path: FilePath) {
    self.path = path
  }

  /// A name or path below the directory.
  public init(_ string: String) {
    self.init(FilePath(string))
  }
}

extension RelativePath {
  /// What is there, links followed; nil when nothing is or it may not be looked at.
  public func kind(in directory: String) -> PathKind? {
    switch (try? Stat(FilePath(directory).pushing(path)))?.type {
    case nil: nil
    case .regular: .file
    case .directory: .directory
    default: .other
    }
  }

  /// Whether a name stands there, whatever it stands for.
  public func exists(in directory: String) -> Bool {
    (try? Stat(FilePath(directory).pushing(path), followTargetSymlink: false)) != nil
  }
}
