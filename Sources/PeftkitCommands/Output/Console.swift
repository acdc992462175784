// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Synchronization
internal import Tensors

/// Standard error: errors, notes, and on a terminal a line that shows progress.
///
/// Each call writes whole lines and may come from any thread. A failed write is ignored: there is
/// nowhere left to report it, and the exit code is that of the work itself.
enum Console {
  /// Whether the progress line is on the screen.
  private static let showsProgress = Mutex(false)

  /// Whether standard error is a terminal, which can show progress.
  static var isTerminal: Bool { StandardStream.error.isTerminal }

  /// Prints `error: PATH: what is wrong (where)` and the hint (spec/command-line.md, L3).
  static func print(_ error: CheckpointError) {
    var text = paint("error:", .red) + " \(error)\n"
    if let hint = error.advice(wording: \.inFlags) {
      text += paint("hint:", .cyan) + " \(hint.printable)\n"
    }
    write(text)
  }

  /// Prints a line `note: …` for each note.
  ///
  /// - Parameters:
  ///   - notes: printable texts.
  ///   - path: the path that each line names first, or nil for none.
  static func print(notes: [String], about path: String? = nil) {
    guard !notes.isEmpty else { return }
    let prefix = "note: " + (path.map { $0.printable + ": " } ?? "")
    write(notes.map { prefix + $0 + "\n" }.joined())
  }

  /// Shows a progress line, in place of the one before.
  static func showProgress(_ line: String) {
    showsProgress.withLock { isShown in
      isShown = true
      emit(Style.eraseLine + line)
    }
  }

  /// Removes the progress line, if there is one.
  static func clearProgress() {
    write("")
  }

  /// Writes lines, above which no progress line stays.
  private static func write(_ text: String) {
    showsProgress.withLock { isShown in
      emit((isShown ? Style.eraseLine : "") + text)
      isShown = false
    }
  }

  private static func emit(_ text: String) {
    guard !text.isEmpty else { return }
    try? StandardStream.error.write(Array(text.utf8).span.rawBytes)
  }

  private static func paint(_ text: String, _ color: Style) -> String {
    isTerminal ? color.apply(to: text) : text
  }
}
