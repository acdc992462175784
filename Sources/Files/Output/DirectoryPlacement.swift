// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Tensors

/// The last step of every output that is a directory: the finished one is renamed to its path, and
/// the one it replaces is removed.
enum DirectoryPlacement {
  /// Renames `temporary` to `target`.
  ///
  /// - Throws: `alreadyExists` when `target` exists and the policy does not replace,
  ///   `invalidArgument` when it is not a directory, `system` when flushing, renaming or removing
  ///   the old directory fails. Unless it was the removal that failed, the old directory is still in
  ///   place.
  static func place(
    _ temporary: FilePath, at target: FilePath, policy: OutputPolicy
  ) throws(CheckpointError) {
    // Without replacement, an exclusive rename detects a target that has just appeared.
    guard policy.replacesExisting, try replaces(target, policy) else {
      try Placement.place(temporary, at: target, replacing: false)
      if policy.synchronizes { try Placement.synchronizeName(of: target) }
      return
    }
    // After the exchange, the old directory has the temporary name.
    switch SystemCalls.exchange(temporary, target) {
    case nil:
      try synchronize(target, policy) { _ = SystemCalls.exchange(temporary, target) }
      try check(DirectoryTree.remove(temporary), "remove the old directory", target)
    case .notSupported:
      let backup = try BackupDirectory(target)
      do throws(CheckpointError) {
        try check(SystemCalls.rename(temporary, to: target), "put the output in place", target)
      } catch {
        backup.restore()
        throw error
      }
      try synchronize(target, policy) {
        if SystemCalls.rename(target, to: temporary) == nil { backup.restore() }
      }
      try check(backup.remove(), "remove the old directory", target)
    case let failure?:
      throw .system("put the output in place", failure, path: target)
    }
  }

  /// Flushes the new name before the old directory is removed, so that a power cut cannot destroy
  /// both.
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

  /// Whether `target` is an existing directory, to be replaced.
  ///
  /// - Throws: `alreadyExists` when something is there and the policy does not replace,
  ///   `invalidArgument` when that is not a directory, `system` when its status cannot be read.
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
