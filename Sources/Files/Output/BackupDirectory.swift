// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Tensors

/// The backup of a directory while another one replaces it, on file systems that cannot exchange
/// two.
///
/// The directory is moved, with its own name, into a container `.NAME.HOST.PID.N.peftkit-old`. If the
/// process is killed before the replacement is renamed, nothing is at the path; the next output in the
/// same directory then restores the backup.
struct BackupDirectory {
  private let container: FilePath
  private let target: FilePath

  /// Moves `target` into a backup.
  init(_ target: FilePath) throws(CheckpointError) {
    let made = TemporaryName.makeSibling(of: target, suffix: .replaced) { path in
      SystemCalls.makeDirectory(path).map { .failure($0) } ?? .success(())
    }
    switch made {
    case .success(let made): container = made.path
    case .failure(let reason): throw .cannotCreate("a directory", beside: target, reason)
    }
    self.target = target
    if let failure = SystemCalls.rename(target, to: inside) {
      _ = SystemCalls.removeDirectory(container)
      throw .system("move to a backup", failure, path: target)
    }
  }

  private var inside: FilePath { container.appending(target.lastComponent ?? "") }

  /// Moves the directory back to its path.
  func restore() {
    if SystemCalls.rename(inside, to: target) == nil { _ = SystemCalls.removeDirectory(container) }
  }

  /// Removes the backup.
  ///
  /// - Returns: the first failure; nil when everything was removed.
  func remove() -> Errno? { DirectoryTree.remove(container) }

  /// Restores the backup of a process that was killed, or removes it if its path is in use again.
  static func recover(_ container: FilePath) {
    guard case .success(let names) = DirectoryListing.names(in: container, followsLink: false)
    else {
      return
    }
    for name in names {
      do throws(CheckpointError) {
        try Placement.place(
          container.appending(name), at: container.parent.appending(name), replacing: false)
      } catch {
        // Only a backup with a replacement may be removed.
        guard error.code == .alreadyExists else { return }
      }
    }
    _ = DirectoryTree.remove(container)
  }
}
