// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage

/// Relations between two paths on disk, independent of their spelling.
public enum PathRelation {
  /// Whether `path`, which need not exist, is below `directory` at any depth.
  ///
  /// - Complexity: a system call for each level above `path`.
  public static func isInside(_ path: String, _ directory: String) -> Bool {
    guard let target = identity(of: FilePath(directory)) else { return false }
    // Only a regular last component can be removed as text: a `..` after a symbolic link leads
    // elsewhere.
    var current = FilePath(path)
    while current.lastComponent?.kind == .currentDirectory { current.removeLastComponent() }
    switch current.lastComponent?.kind {
    case .regular: current = current.parent
    case nil where current.isAbsolute: return false
    default: current.append("..")
    }
    var previous: Identity?
    // The root is its own parent, which ends the loop.
    while let identity = identity(of: current), identity != previous {
      if identity == target { return true }
      previous = identity
      current.append("..")
    }
    return false
  }

  /// Whether both paths name the same file, or the same symbolic link, on disk.
  ///
  /// - Returns: false when nothing is at one of the paths.
  public static func areSame(_ first: String, _ second: String) -> Bool {
    guard let identity = identity(of: FilePath(first), followsLink: false) else { return false }
    return identity == Self.identity(of: FilePath(second), followsLink: false)
  }

  private struct Identity: Equatable {
    let device: DeviceID
    let inode: Inode
  }

  private static func identity(of path: FilePath, followsLink: Bool = true) -> Identity? {
    guard let status = try? Stat(path, followTargetSymlink: followsLink) else { return nil }
    return Identity(device: status.deviceID, inode: status.inode)
  }
}
