// SPDX-License-Identifier: Apache-2.0
public import JSONDocument

/// A Swift type for the value of a config key.
public protocol ConfigValue: Sendable {
  /// Decodes a value; nil when the JSON has another type.
  static func decode(_ json: JSONValue) -> Self?
  /// The value as JSON.
  var json: JSONValue { get }
  /// The expected type, for messages: "an integer".
  static var expectation: String { get }
}

extension Bool: ConfigValue {
  public static func decode(_ json: JSONValue) -> Self? { json.bool }

  public var json: JSONValue { .bool(self) }
  public static var expectation: String { "true or false" }
}

extension Int: ConfigValue {
  public static func decode(_ json: JSONValue) -> Self? { json.integer }

  public var json: JSONValue { JSONValue(self) }
  public static var expectation: String { "an integer" }
}

extension String: ConfigValue {
  public static func decode(_ json: JSONValue) -> Self? { json.string }

  public var json: JSONValue { .string(self) }
  public static var expectation: String { "a string" }
}

extension JSONObject: ConfigValue {
  public static func decode(_ json: JSONValue) -> Self? { json.object }

  public var json: JSONValue { .object(self) }
  public static var expectation: String { "an object" }
}

extension [String]: ConfigValue {
  public static func decode(_ json: JSONValue) -> Self? {
    guard let values = json.array else { return nil }
    let strings = values.compactMap(\.string)
    return strings.count == values.count ? strings : nil
  }

  public var json: JSONValue { .array(map { .string($0) }) }
  public static var expectation: String { "a list of strings" }
}

extension Optional: ConfigValue where Wrapped: ConfigValue {
  public static func decode(_ json: JSONValue) -> Self? {
    json.isNull ? .some(.none) : Wrapped.decode(json).map { .some($0) }
  }

  public var json: JSONValue { self?.json ?? .null }
  public static var expectation: String { Wrapped.expectation + " or null" }
}
