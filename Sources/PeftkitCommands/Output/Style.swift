// SPDX-License-Identifier: Apache-2.0
internal import Files

/// Colors and weights of text on a terminal.
enum Style: Int {
  case bold = 1
  case dim = 2
  case red = 31
  case green = 32
  case yellow = 33
  case cyan = 36

  /// Moves to the start of the line and clears it.
  static let eraseLine = "\r\u{1B}[K"

  /// The text between the sequences that turn the style on and off.
  func apply(to text: String) -> String {
    "\u{1B}[\(rawValue)m\(text)\u{1B}[0m"
  }

  /// Whether text on a stream has styles (spec/command-line.md, L92): on a terminal, unless the
  /// environment says otherwise.
  static func isUsed(on stream: StandardStream) -> Bool {
    func value(_ name: String) -> String? {
      EnvironmentVariable.value(name).flatMap { $0.isEmpty ? nil : $0 }
    }
    if value("NO_COLOR") != nil { return false }
    if let force = value("CLICOLOR_FORCE"), force != "0" { return true }
    return stream.isTerminal && !isDumb
  }

  /// Whether the terminal knows no control sequences.
  static var isDumb: Bool { EnvironmentVariable.value("TERM") == "dumb" }
}
