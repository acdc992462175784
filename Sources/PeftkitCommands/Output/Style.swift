// SPDX-License-Identifier: Apache-2.0

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
}
