internal import CFileSystem
internal import SystemPackage
internal import Tensors

/// Stopping by signal without leaving anything behind.
///
/// A program that writes files calls `noteSignals` first. The first SIGINT, SIGTERM or SIGHUP then
/// makes the next write throw `interrupted`, so that every temporary is removed on the way out; the
/// program ends by `endProcess()`. A second signal ends it at once.
public enum Interruption {
  /// Notes signals from now on, instead of ending the process. A write beyond the limit of file size
  /// becomes an error, too.
  public static func noteSignals() {
    cfs_note_signals()
  }

  /// Whether a signal was noted.
  public static var isRequested: Bool { cfs_noted_signal() != 0 }

  /// Ends the process by the signal that was noted, so that a shell sees how it ended.
  public static func endProcess() {
    cfs_die_by_signal(cfs_noted_signal())
  }

  /// Throws when a signal was noted.
  ///
  /// - Throws: `interrupted`.
  static func check(_ path: FilePath) throws(CheckpointError) {
    guard cfs_noted_signal() != 0 else { return }
    throw CheckpointError(.interrupted, "was not written: interrupted", path: path.string)
  }
}
