// SPDX-License-Identifier: Apache-2.0

/// The name of a tensor: valid UTF-8 that compares, hashes and sorts by its bytes.
public struct TensorName: Sendable, Hashable {
  /// The name as text.
  public let text: UTF8Text

  /// The name as a string.
  public var string: String { text.string }

  /// Creates a name from text.
  public init(_ string: String) {
    text = UTF8Text(string)
  }

  /// The name with control characters escaped, for terminals and messages.
  public var printable: String { text.printable }

  /// The name as quoted in messages; see `UTF8Text.excerpt`.
  public var excerpt: String { text.excerpt }
}

extension TensorName: Comparable {
  public static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

extension TensorName: ExpressibleByStringLiteral, CustomStringConvertible {
  public init(stringLiteral value: String) {
    self.init(value)
  }

  public var description: String { string }
}
