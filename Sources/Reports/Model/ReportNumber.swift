// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Numbers formatted for a page.
enum ReportNumber {
  /// The text for an absent number.
  static let none = "–"

  /// Three significant digits.
  static func significant(_ value: Double?) -> String {
    guard let value, value.isFinite else { return none }
    return minus(Sizes.scientific(value))
  }

  /// A number of decimals; as `significant` beyond a billion.
  static func fixed(_ value: Double?, _ decimals: Int) -> String {
    guard let value, value.isFinite else { return none }
    guard value.magnitude < 1e9 else { return significant(value) }
    let text = Sizes.fixed(value.magnitude, decimals)
    return value < 0 && text.contains(where: { $0 != "0" && $0 != "." }) ? "\u{2212}" + text : text
  }

  /// A number of decimals, or three significant digits.
  static func text(_ value: Double?, _ decimals: Int?) -> String {
    decimals.map { fixed(value, $0) } ?? significant(value)
  }

  /// A share as a percentage.
  static func percent(_ share: Double?) -> String {
    guard let share, share.isFinite else { return none }
    if share > 0, share < 0.0005 { return "< 0.1 %" }
    return fixed(100 * share, 1) + " %"
  }

  /// A count with its thousands apart.
  static func count(_ count: Int) -> String { Sizes.count(count) }

  /// A count with its noun.
  static func count(_ count: Int, _ noun: String) -> String { Sizes.count(count, noun) }

  /// A size in bytes.
  static func bytes(_ count: Int) -> String { Sizes.bytes(count) }

  private static func minus(_ text: String) -> String {
    text.hasPrefix("-") ? "\u{2212}" + text.dropFirst() : text
  }
}
