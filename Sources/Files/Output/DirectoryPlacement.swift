internal import SystemPackage
internal import Tensors

/// The last step of every output that is a directory: a finished one takes its name, and the one that
/// had it goes.
enum DirectoryPlacement {
  /// Gives `temporary` the name `target`.
  ///
  /// - Throws: `alreadyExists` when something has the name and the policy does not replace,
  ///   `invalidArgument` when that is no directory, `system` when flushing or renaming fails; then
  ///   what stood there still stands, unless it is its removal that failed.
  static func place(
    _ temporary: FilePath, at target: FilePath, policy: OutputPolicy
  ) throws(CheckpointError) {
    // What took the name meanwhile is found by the renaming, where it must not be replaced.
    guard policy.replacesExisting, try replaces(target, policy) else {
      try Placement.place(temporary, at: target, replacing: false)
      if policy.synchronizes { try Placement.synchronizeName(of: target) }
      return
    }
    // The directory that is replaced ends under the temporary name.
    switch SystemCalls.exchange(temporary, target) {
    case nil:
      try synchronize(target, policy) { _ = SystemCalls.exchange(temporary, target) }
      try check(DirectoryTree.remove(temporary), "remove what it replaced", target)
    case .notSupported:
      let aside = try SetAside(target)
      do throws(CheckpointError) {
        try check(SystemCalls.rename(temporary, to: target), "put the output in place", target)
      } catch {
        aside.putBack()
        throw error
      }
      try synchronize(target, policy) {
        if SystemCalls.rename(target, to: temporary) == nil { aside.putBack() }
      }
      try check(aside.remove(), "remove what it replaced", target)
    case let failure?:
      throw .system("put the output in place", failure, path: target)
    }
  }

  /// Makes the new names durable before what was replaced is removed, so that not even a power cut
  /// takes both.
  private static func synchronize(
    _ target: FilePath, _ policy: OutputPolicy, orElse undo: () -> Void
  ) throws(CheckpointError) {
    guard policy.synchronizes else { return }
    do throws(CheckpointError) {
      try Placement.synchronizeName(of: target)
    } catch {
      undo()
      throw error
    }
  }

  /// Whether a directory stands at `target` that is to be replaced.
  ///
  /// - Throws: `alreadyExists` when something stands there and the policy does not replace,
  ///   `invalidArgument` when that is no directory, `system` when it cannot be known.
  static func replaces(
    _ target: FilePath, _ policy: OutputPolicy
  ) throws(CheckpointError) -> Bool {
    guard let status = try Placement.status(of: target) else { return false }
    guard status.type == .directory else {
      let isLink = status.type == .symbolicLink
      let hint = isLink ? "name the directory itself, not a symbolic link to it" : nil
      guard policy.replacesExisting else {
        throw .alreadyExists(
          target, hint: hint ?? "it is not a directory: name another place", remedy: nil)
      }
      throw CheckpointError(
        .invalidArgument, isLink ? "is a symbolic link" : "is not a directory",
        path: target.string, hint: hint)
    }
    guard policy.replacesExisting else {
      throw .alreadyExists(target, remedy: .overwriteDirectory)
    }
    return true
  }
}
