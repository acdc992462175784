/// The name of a tensor: valid UTF-8 that compares, hashes and sorts by its bytes.
///
/// Swift's `String` holds "é" and "e\u{301}" equal; files do not.
public struct TensorName: Sendable {
  /// The name as text.
  public let string: String

  /// Takes text as a name.
  public init(_ string: String) {
    self.string = string
  }

  /// The name with control characters escaped, fit for a terminal or a message.
  public var printable: String { string.printable }

  /// The name as messages have it without quotes: printable, cut to a length that fits, and `""`
  /// where nothing would be seen.
  public var excerpt: String { string.isEmpty ? "\"\"" : string.excerpt }
}

extension TensorName: Hashable, Comparable {
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

extension TensorName: ExpressibleByStringLiteral, CustomStringConvertible {
  public init(stringLiteral value: String) {
    self.init(value)
  }

  public var description: String { string }
}
