// SPDX-License-Identifier: Apache-2.0
extension JSONValue {
  /// Whether the value is `null`.
  public var isNull: Bool {
    if case .null = self { true } else { false }
  }

  /// The truth value, or nil when the value is of another kind.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// Whether Python takes the value for true: numbers other than 0, and what is not empty.
  public var isTruthy: Bool {
    switch self {
    case .null: false
    case .bool(let value): value
    case .integer, .float: number != 0
    case .string(let text): !text.isEmpty
    case .array(let values): !values.isEmpty
    case .object(let object): !object.isEmpty
    }
  }

  /// The integer, or nil when the value is of another kind or does not fit.
  public var integer: Int? {
    if case .integer(let value) = self { Int(exactly: value) } else { nil }
  }

  /// The float, or nil when the value is of another kind, including an integer.
  public var float: Double? {
    if case .float(let value) = self { value } else { nil }
  }

  /// The number, whether written as an integer or a float, or nil when the value is of another kind.
  ///
  /// An integer that `Double` cannot represent exactly is rounded to the nearest.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }

  /// The text, or nil when the value is of another kind.
  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The values, or nil when the value is of another kind.
  public var array: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The members, or nil when the value is of another kind.
  public var object: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }

  /// The value of the member `key`, or nil when there is none or the value is not an object.
  ///
  /// - Complexity: as that of `JSONObject.subscript(key:)`.
  public subscript(key: String) -> JSONValue? {
    if case .object(let value) = self { value[key] } else { nil }
  }

  /// The kind of the value with an article, for messages: "a string", "an integer".
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .float: "a float"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
