internal import Files
internal import Tensors

/// Text for a person, gathered and printed at once; styled on a terminal only.
struct TextOutput {
  private var text = ""
  private let isStyled: Bool

  /// What is gathered before it is written out.
  private static let chunkByteCount = 1 << 16

  init() {
    isStyled = StandardStream.output.isTerminal
  }

  /// A text in a style, or plain where nobody would see it.
  func styled(_ text: String, _ style: Style) -> String {
    isStyled ? style.apply(to: text) : text
  }

  /// Adds a line.
  mutating func line(_ line: String = "") {
    text += line
    text += "\n"
  }

  /// Adds a table, indented by two spaces.
  mutating func table(_ table: Table) {
    for (index, row) in table.lines.enumerated() {
      line("  " + (index == 0 && table.hasHeader ? styled(row, .dim) : row))
    }
  }

  /// Prints what has been gathered, when it is worth a call.
  mutating func flushIfLarge() throws(CheckpointError) {
    guard text.utf8.count >= Self.chunkByteCount else { return }
    try StandardStream.output.write(Array(text.utf8).span.rawBytes)
    text = ""
  }

  /// Prints everything to standard output.
  consuming func print() throws(CheckpointError) {
    let bytes = Array(text.utf8)
    try StandardStream.output.write(bytes.span.rawBytes)
  }
}
