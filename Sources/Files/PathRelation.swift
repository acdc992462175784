internal import SystemPackage

/// How two paths lie to each other on disk, however they are spelled.
public enum PathRelation {
  /// Whether `path`, which need not exist, lies somewhere below `directory`.
  ///
  /// - Complexity: a system call for each level above `path`.
  public static func isInside(_ path: String, _ directory: String) -> Bool {
    guard let target = identity(of: FilePath(directory)) else { return false }
    var current = FilePath(path).lexicallyNormalized().parent
    var previous: Identity?
    // The root is its own parent, which ends the climb.
    while let identity = identity(of: current), identity != previous {
      if identity == target { return true }
      previous = identity
      current.append("..")
    }
    return false
  }

  private struct Identity: Equatable {
    let device: DeviceID
    let inode: Inode
  }

  private static func identity(of path: FilePath) -> Identity? {
    guard let status = try? Stat(path) else { return nil }
    return Identity(device: status.deviceID, inode: status.inode)
  }
}
