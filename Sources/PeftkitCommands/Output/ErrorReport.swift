internal import Files
internal import Tensors

enum ErrorReport {
  /// Prints `error: PATH: what is wrong (where)` and the hint to standard error
  /// (spec/command-line.md, L3).
  static func print(_ error: CheckpointError) {
    var text = paint("error:", .red) + " \(error)\n"
    if let hint = error.hint { text += paint("hint:", .cyan) + " \(hint.printable)\n" }
    write(text)
  }

  /// Prints `note: …` to standard error; the text is printable.
  static func note(_ text: String) {
    write("note: \(text)\n")
  }

  private static func write(_ text: String) {
    // Nobody is left to tell that standard error cannot be written.
    try? StandardStream.error.write(Array(text.utf8).span.rawBytes)
  }

  private static func paint(_ text: String, _ color: Style) -> String {
    StandardStream.error.isTerminal ? color.apply(to: text) : text
  }
}
