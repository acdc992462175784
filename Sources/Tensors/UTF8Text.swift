// SPDX-License-Identifier: Apache-2.0

/// Text that compares, hashes and sorts by its UTF-8 bytes, as names and keys in files do.
///
/// Swift's `String` treats "é" and "e\u{301}" as equal; file formats and Python do not. UTF-8 bytes
/// sort in the same order as code points.
public struct UTF8Text: Sendable {
  /// The text.
  public let string: String

  /// Creates a value from text.
  public init(_ string: String) {
    self.string = string
  }

  /// The text with control characters escaped, for terminals and messages.
  public var printable: String { string.printable }

  /// The text as quoted in messages, without quotation marks: printable, cut to 120 characters, and
  /// `""` for empty text.
  public var excerpt: String { string.isEmpty ? "\"\"" : string.excerpt }
}

extension UTF8Text: Hashable, Comparable {
  public static func == (left: Self, right: Self) -> Bool {
    left.string.utf8.span.hasSameBytes(as: right.string.utf8.span)
  }

  public static func < (left: Self, right: Self) -> Bool {
    left.string.utf8.span.precedes(right.string.utf8.span)
  }

  public func hash(into hasher: inout Hasher) {
    string.utf8.span.hash(into: &hasher)
  }
}

extension UTF8Text: ExpressibleByStringLiteral, CustomStringConvertible {
  public init(stringLiteral value: String) {
    self.init(value)
  }

  public var description: String { string }
}
