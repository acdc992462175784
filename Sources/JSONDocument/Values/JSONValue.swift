// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A lossless JSON value: integers of any size, members in order, any string.
///
/// Two values are equal when they are written the same: strings and keys compare by their UTF-8
/// bytes, floats by their bits (a NaN equals itself, -0.0 differs from 0.0), integers by their
/// digits, members in order.
public enum JSONValue: Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number written without fraction and exponent.
  case integer(JSONInteger)
  /// A number written with a fraction or an exponent, or `NaN`, `Infinity`, `-Infinity`.
  case float(Double)
  /// Text, which may contain NUL.
  case string(String)
  /// Values in order.
  case array([JSONValue])
  /// Members in order.
  case object(JSONObject)

  /// Creates an integer.
  public init(_ value: some FixedWidthInteger) {
    self = .integer(JSONInteger(value))
  }
}

extension JSONValue: Hashable {
  /// Whether both are written the same.
  public static func == (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.float(let left), .float(let right)): left.bitPattern == right.bitPattern
    case (.string(let left), .string(let right)): left.utf8.span.hasSameBytes(as: right.utf8.span)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }

  /// Hashes the kind and the content.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null:
      hasher.combine(0)
    case .bool(let value):
      hasher.combine(1)
      hasher.combine(value)
    case .integer(let value):
      hasher.combine(2)
      hasher.combine(value)
    case .float(let value):
      hasher.combine(3)
      hasher.combine(value.bitPattern)
    case .string(let value):
      hasher.combine(4)
      value.utf8.span.hash(into: &hasher)
    case .array(let value):
      hasher.combine(5)
      hasher.combine(value)
    case .object(let value):
      hasher.combine(6)
      hasher.combine(value)
    }
  }
}

extension JSONValue:
  ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// Creates `null`.
  public init(nilLiteral: ()) { self = .null }
  /// Creates a boolean.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// Creates an integer.
  public init(integerLiteral value: Int) { self = .integer(JSONInteger(value)) }
  /// Creates a float.
  public init(floatLiteral value: Double) { self = .float(value) }
  /// Creates a string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Creates an array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

  /// Creates an object from members in order. Duplicate keys trap.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(uniqueKeysWithValues: elements))
  }
}

extension JSONValue: CustomStringConvertible {
  /// The value on one line, as `JSONStyle.compact` writes it.
  public var description: String {
    String(decoding: encoded(.compact), as: UTF8.self)
  }
}
