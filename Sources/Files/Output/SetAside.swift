internal import SystemPackage
internal import Tensors

/// A directory that is out of the way for the moment in which another one takes its name, where the
/// file system cannot swap two.
///
/// It keeps its own name inside a directory `.NAME.HOST.PID.N.peftkit-old`. If the process is killed
/// in that moment, nothing has the name; the next output beside it puts the directory back.
struct SetAside {
  private let container: FilePath
  private let target: FilePath

  /// Moves `target` out of the way.
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
      throw .system("move aside", failure, path: target)
    }
  }

  private var inside: FilePath { container.appending(target.lastComponent ?? "") }

  /// Undoes it.
  func putBack() {
    if SystemCalls.rename(inside, to: target) == nil { _ = SystemCalls.removeDirectory(container) }
  }

  /// Removes the directory.
  ///
  /// - Returns: the first failure, nil when all is gone.
  func remove() -> Errno? { DirectoryTree.remove(container) }

  /// Puts back what a process that was killed moved out of the way; removes what has been replaced
  /// since.
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
        // Only what has a successor may go.
        guard error.code == .alreadyExists else { return }
      }
    }
    _ = DirectoryTree.remove(container)
  }
}
