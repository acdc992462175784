// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// HTML in progress. Markup is static text of this module; everything else is escaped, so that no
/// text of a file becomes markup.
struct HTMLWriter {
  /// The document so far, in UTF-8.
  private(set) var bytes: [UInt8] = []
  private var identifierCount = 0

  /// Adds markup, which the compiler guarantees to be a literal.
  mutating func markup(_ markup: StaticString) {
    markup.withUTF8Buffer { buffer in
      // SAFETY: the buffer is read before the closure returns.
      unsafe bytes.append(contentsOf: buffer)
    }
  }

  /// Adds a text: printable, escaped, and shortened beyond the limit of characters.
  mutating func text(_ text: String, limit: Int = ReportLimits.textLength) {
    var left = limit
    for scalar in text.unicodeScalars {
      guard left > 0 else {
        append("…")
        return
      }
      left -= 1
      escape(scalar)
    }
  }

  /// Adds a number of a chart, rounded to two decimals.
  mutating func number(_ value: Double) {
    let hundredths = Int(max(-1e9, min(1e9, value.isFinite ? value * 100 : 0)).rounded())
    if hundredths < 0 { bytes.append(UInt8(ascii: "-")) }
    let magnitude = hundredths.magnitude
    append(String(magnitude / 100))
    let rest = magnitude % 100
    guard rest > 0 else { return }
    append(rest < 10 ? ".0" : ".")
    append(String(rest.isMultiple(of: 10) ? rest / 10 : rest))
  }

  /// Adds an integer.
  mutating func number(_ value: Int) { append(String(value)) }

  /// Adds a number with all its digits.
  mutating func exact(_ value: Double) { append("\(value)") }

  /// A number that no other element of the page has, for identifiers.
  mutating func nextIdentifier() -> Int {
    identifierCount += 1
    return identifierCount
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "&": append("&amp;")
    case "<": append("&lt;")
    case ">": append("&gt;")
    case "\"": append("&quot;")
    case "'": append("&#39;")
    case " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
    default: append(String(Character(scalar)).printable)
    }
  }
}
