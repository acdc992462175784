internal import Synchronization
internal import SystemPackage

/// What processes that were killed left beside their outputs, or in place of them.
enum StaleTemporaries {
  /// The directories that have been looked at, and the last of them, which is where most outputs go.
  private struct Swept {
    var directories: Set<FilePath> = []
    var last: FilePath?

    /// - Returns: whether the directory is a new one.
    mutating func insert(_ directory: FilePath) -> Bool {
      if directory == last { return false }
      last = directory
      return directories.insert(directory).inserted
    }
  }

  private static let swept = Mutex(Swept())

  /// Removes the temporaries in a directory whose processes have run on this host and are dead, and
  /// puts back what they have set aside, the first time that this process is about to make a
  /// temporary there.
  ///
  /// What cannot be looked at or removed stays: nobody asked for this.
  ///
  /// - Complexity: one listing of the directory in the life of a process.
  static func sweep(_ directory: FilePath) {
    guard swept.withLock({ $0.insert(directory) }) else { return }
    guard case .success(let names) = DirectoryListing.names(in: directory) else { return }
    for name in names {
      guard let (process, suffix) = TemporaryName.origin(of: name), !SystemCalls.isAlive(process)
      else { continue }
      let path = directory.appending(name)
      if suffix == .replaced {
        SetAside.recover(path)
      } else if SystemCalls.unlink(path) != nil {
        _ = DirectoryTree.remove(path)
      }
    }
  }
}
