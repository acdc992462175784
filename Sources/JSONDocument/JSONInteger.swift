/// An integer of any size, held by its decimal digits where it exceeds `Int`.
public struct JSONInteger: Sendable, Hashable {
  private enum Storage: Hashable {
    case small(Int)
    /// Canonical digits, with `-` in front where negative, of a number outside the range of `Int`.
    case large(String)
  }
  private let storage: Storage

  /// Takes an integer as it is.
  public init(_ value: some FixedWidthInteger) {
    if let small = Int(exactly: value) {
      storage = .small(small)
    } else {
      storage = .large(String(value))
    }
  }

  /// Reads decimal digits with an optional `-` in front. Leading zeros and the sign of zero are
  /// dropped, as Python does.
  ///
  /// - Returns: nil when there is anything else, or nothing.
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

  /// The digits, with `-` in front where negative, without leading zeros.
  public var digits: String {
    switch storage {
    case .small(let value): String(value)
    case .large(let digits): digits
    }
  }

  /// The value where it fits an `Int`.
  var small: Int? {
    switch storage {
    case .small(let value): value
    case .large: nil
    }
  }
}

extension JSONInteger: ExpressibleByIntegerLiteral, CustomStringConvertible {
  /// Takes an integer as it is.
  public init(integerLiteral value: Int) {
    self.init(value)
  }

  /// The digits.
  public var description: String { digits }
}

extension FixedWidthInteger {
  /// The integer, where it fits.
  public init?(exactly value: JSONInteger) {
    if let small = value.small {
      self.init(exactly: small)
    } else {
      self.init(value.digits)
    }
  }
}

extension Double {
  /// The nearest double, ties to even; infinity for what is beyond the largest.
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
