// SPDX-License-Identifier: Apache-2.0
internal import CPlatform
internal import SystemPackage
internal import Tensors

/// Interruption by a signal, without leaving temporaries behind.
///
/// A program that writes files calls `noteSignals` first. The first SIGINT, SIGTERM or SIGHUP then
/// makes the next write throw `interrupted`, so that all temporaries are removed; the program then calls
/// `endProcess()`. A second signal ends the process at once.
public enum Interruption {
  /// Records signals from now on, instead of ending the process. A write beyond the file size limit
  /// becomes an error, too.
  public static func noteSignals() {
    cp_note_signals()
  }

  /// Whether a signal was recorded.
  public static var isRequested: Bool { cp_noted_signal() != 0 }

  /// Ends the process with the recorded signal, so that a shell sees the cause.
  public static func endProcess() {
    cp_die_by_signal(cp_noted_signal())
  }

  /// Checks for a recorded signal.
  ///
  /// - Throws: `interrupted` after a signal.
  static func check(_ path: FilePath) throws(CheckpointError) {
    guard cp_noted_signal() != 0 else { return }
    throw CheckpointError(.interrupted, "was not written: interrupted", path: path.string)
  }
}
