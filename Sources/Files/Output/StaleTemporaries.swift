// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import SystemPackage

/// The temporaries and backups that killed processes left next to their outputs.
enum StaleTemporaries {
  /// The directories that have been swept, and the last of them, where the next output usually goes
  /// too.
  private struct Swept {
    var directories: Set<FilePath> = []
    var last: FilePath?

    /// - Returns: whether the directory was not swept before.
    mutating func insert(_ directory: FilePath) -> Bool {
      if directory == last { return false }
      last = directory
      return directories.insert(directory).inserted
    }
  }

  private static let swept = Mutex(Swept())

  /// Removes the temporaries of dead processes of this host from a directory, and restores their
  /// backups, before this process creates its first temporary there.
  ///
  /// Failures are ignored: the user did not ask for this cleanup.
  ///
  /// - Complexity: one listing per directory and process.
  static func sweep(_ directory: FilePath) {
    guard swept.withLock({ $0.insert(directory) }) else { return }
    guard case .success(let names) = DirectoryListing.names(in: directory) else { return }
    for name in names {
      guard let (process, suffix) = TemporaryName.origin(of: name), !SystemCalls.isAlive(process)
      else { continue }
      let path = directory.appending(name)
      if suffix == .replaced {
        BackupDirectory.recover(path)
      } else if SystemCalls.unlink(path) != nil {
        _ = DirectoryTree.remove(path)
      }
    }
  }
}
