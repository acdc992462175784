// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// Text for people; tables fit the width of a terminal.
struct TextOutput {
  private var text = ""
  private let isStyled: Bool
  private let isTerminal: Bool
  /// The characters in a line of the terminal; nil elsewhere.
  private let width: Int?
  /// The error of a write inside a table, for the next write.
  private var failure: CheckpointError?

  /// The size of a write, in bytes.
  private static let chunkByteCount = 1 << 16

  init() {
    isStyled = Style.isUsed(on: .output)
    isTerminal = StandardStream.output.isTerminal
    width = isTerminal ? StandardStream.output.terminalWidth : nil
  }

  /// A text in a style, or plain where standard output has no styles.
  func styled(_ text: String, _ style: Style) -> String {
    isStyled ? style.apply(to: text) : text
  }

  /// Adds a line.
  mutating func line(_ line: String = "") {
    text += line
    text += "\n"
  }

  /// Adds a text without an end of line.
  mutating func text(_ text: String) { self.text += text }

  /// Adds a table, indented by two spaces, which fits the terminal if names can be cut to make it fit.
  mutating func table(_ table: Table) {
    let indent = "  "
    var isHeading = table.hasHeader
    table.forEachLine(width: width.map { $0 - indent.count }) { row in
      line(indent + (isHeading ? styled(row, .dim) : row))
      isHeading = false
      guard failure == nil, text.utf8.count >= Self.chunkByteCount else { return }
      do throws(CheckpointError) { try flush() } catch { failure = error }
    }
  }

  /// Prints the text so far, if there is enough for a write; any, on a terminal.
  mutating func flushIfLarge() throws(CheckpointError) {
    guard text.utf8.count >= (isTerminal ? 1 : Self.chunkByteCount) else { return }
    try flush()
  }

  /// Writes the text so far.
  mutating func flush() throws(CheckpointError) {
    if let failure { throw failure }
    try Console.printResult(Array(text.utf8).span.rawBytes)
    text = ""
  }

  /// Prints the rest to standard output.
  consuming func print() throws(CheckpointError) {
    if let failure { throw failure }
    try Console.printResult(Array(text.utf8).span.rawBytes)
  }
}
