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
  private static let showsLine = Mutex(false)
  /// Whether `--quiet` was given.
  private static let isQuiet = Atomic(false)

  /// Leaves out notes and progress from now on.
  static func silence() {
    isQuiet.store(true, ordering: .relaxed)
  }

  /// Whether progress is shown: on a terminal that can erase a line.
  static var showsProgress: Bool {
    !isQuiet.load(ordering: .relaxed) && StandardStream.error.isTerminal && !Style.isDumb
  }

  /// Prints `error: PATH: what is wrong (where)` and the hint (spec/command-line.md, L3).
  static func print(_ error: CheckpointError) {
    let isColored = Style.isUsed(on: .error)
    func paint(_ text: String, _ style: Style) -> String {
      isColored ? style.apply(to: text) : text
    }
    var text = paint("error:", .red) + " \(error)\n"
    if let hint = error.advice(wording: \.inFlags) {
      text += paint("hint:", .cyan) + " \(hint.printable)\n"
    }
    write(text)
  }

  /// Prints a message about a wrong command line.
  static func print(usage: String) {
    write(usage + "\n")
  }

  /// Prints a line `note: …` for each note, unless `--quiet` was given.
  ///
  /// - Parameters:
  ///   - notes: printable texts.
  ///   - path: the path that each line names first, or nil for none.
  static func print(notes: [String], about path: String? = nil) {
    guard !notes.isEmpty, !isQuiet.load(ordering: .relaxed) else { return }
    let prefix = "note: " + (path.map { $0.printable + ": " } ?? "")
    write(notes.map { prefix + $0 + "\n" }.joined())
  }

  /// Shows a progress line, in place of the one before; its end is cut off if the terminal is narrower.
  static func showProgress(_ line: String) {
    let width = StandardStream.error.terminalWidth ?? .max
    showsLine.withLock { isShown in
      isShown = true
      emit(Style.eraseLine + line.prefix(width - 1))
    }
  }

  /// Removes the progress line, if there is one.
  static func clearProgress() {
    write("")
  }

  /// Writes whole lines to standard output, while no progress line is in the way.
  ///
  /// - Throws: `system` when they cannot be written.
  static func printResult(_ bytes: RawSpan) throws(CheckpointError) {
    let failure: CheckpointError? = showsLine.withLock { isShown in
      erase(&isShown)
      do throws(CheckpointError) {
        try StandardStream.output.write(bytes)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// Writes lines, above which no progress line stays.
  private static func write(_ text: String) {
    showsLine.withLock { isShown in
      erase(&isShown)
      emit(text)
    }
  }

  private static func erase(_ isShown: inout Bool) {
    if isShown { emit(Style.eraseLine) }
    isShown = false
  }

  private static func emit(_ text: some StringProtocol) {
    guard !text.isEmpty else { return }
    try? StandardStream.error.write(Array(text.utf8).span.rawBytes)
  }
}
