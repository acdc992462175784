// SPDX-License-Identifier: Apache-2.0
extension String {
  /// The text with every control, format and line-separating character written as `\u{…}`.
  ///
  /// Names and metadata come from untrusted files; printed raw they could move the cursor, recolour
  /// the terminal or reorder the text around them.
  public var printable: String {
    guard unicodeScalars.contains(where: { !$0.isPrintable }) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if scalar.isPrintable {
        text.unicodeScalars.append(scalar)
      } else {
        text += "\\u{" + String(scalar.value, radix: 16) + "}"
      }
    }
    return text
  }
}

extension String {
  /// The printable text, shortened to fit a message.
  public var excerpt: String {
    let limit = 120
    guard unicodeScalars.count > limit else { return printable }
    return String(String.UnicodeScalarView(unicodeScalars.prefix(limit))).printable + "…"
  }
}

extension Unicode.Scalar {
  fileprivate var isPrintable: Bool {
    if value >= 0x20 && value < 0x7F { return true }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
      return false
    default:
      return true
    }
  }
}
