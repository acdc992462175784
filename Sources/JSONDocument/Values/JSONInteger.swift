// SPDX-License-Identifier: Apache-2.0

/// An integer of any size, stored as decimal digits if it exceeds `Int`.
public struct JSONInteger: Sendable, Hashable {
  private enum Storage: Hashable {
    case small(Int)
    /// Canonical digits, with `-` in front of a negative number, outside the range of `Int`.
    case large(String)
  }
  private let storage: Storage

  /// Creates an integer.
  public init(_ value: some FixedWidthInteger) {
    if let small = Int(exactly: value) {
      storage = .small(small)
    } else {
      storage = .large(String(value))
    }
  }

  /// Parses decimal digits with an optional `-` in front. Leading zeros and the sign of zero are
  /// dropped, as in Python.
  ///
  /// - Returns: nil when the text contains other characters, or no digits.
  /// - Complexity: O(number of digits).
  public init?(digits text: some StringProtocol) {
    let isNegative = text.utf8.first == UInt8(ascii: "-")
    let digits = isNegative ? text.utf8.dropFirst() : text.utf8[...]
    guard !digits.isEmpty, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    let significant = digits.drop { $0 == 0x30 }
    let canonical = (isNegative ? "-" : "") + String(decoding: significant, as: UTF8.self)
    if significant.isEmpty {
      storage = .small(0)
    } else if let small = Int(canonical) {
      storage = .small(small)
    } else {
      storage = .large(canonical)
    }
  }

  /// The digits without leading zeros, with `-` in front of a negative number.
  public var digits: String {
    switch storage {
    case .small(let value): String(value)
    case .large(let digits): digits
    }
  }

  /// The value, or nil when it does not fit an `Int`.
  var small: Int? {
    switch storage {
    case .small(let value): value
    case .large: nil
    }
  }
}

extension JSONInteger: ExpressibleByIntegerLiteral, CustomStringConvertible {
  /// Creates an integer.
  public init(integerLiteral value: Int) {
    self.init(value)
  }

  /// The digits.
  public var description: String { digits }
}

extension FixedWidthInteger {
  /// The value, or nil when it does not fit.
  public init?(exactly value: JSONInteger) {
    if let small = value.small {
      self.init(exactly: small)
    } else {
      self.init(value.digits)
    }
  }
}

extension Double {
  /// The nearest double, ties to even; infinity beyond the largest double.
  ///
  /// - Complexity: O(number of digits).
  public init(_ value: JSONInteger) {
    if let small = value.small {
      self.init(small)
    } else {
      self = Double(value.digits) ?? .nan
    }
  }
}
