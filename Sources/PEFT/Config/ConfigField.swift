public import JSONDocument
public import Tensors

/// One key of a config: its spelling, its type and what PEFT takes when it is absent.
public struct ConfigField<Value: ConfigValue>: Sendable {
  /// The key as PEFT spells it.
  public let key: String
  /// The value of an absent key.
  public let defaultValue: Value

  /// Describes a key.
  public init(_ key: String, default defaultValue: Value) {
    self.key = key
    self.defaultValue = defaultValue
  }

  /// The value in a document.
  ///
  /// - Throws: `mismatch` when the key holds JSON of another kind.
  public func value(in document: JSONObject) throws(CheckpointError) -> Value {
    guard let json = document[key] else { return defaultValue }
    guard let value = Value.decode(json) else {
      throw CheckpointError(
        .mismatch, "\"\(key)\" must be \(Value.expectation), and is \(json.kindInConfig)")
    }
    return value
  }
}

/// A config field without its type, for tables of them.
protocol AnyConfigField: Sendable {
  var key: String { get }
  var defaultJSON: JSONValue { get }
  func check(_ document: JSONObject) throws(CheckpointError)
}

extension ConfigField: AnyConfigField {
  var defaultJSON: JSONValue { defaultValue.json }

  func check(_ document: JSONObject) throws(CheckpointError) {
    _ = try value(in: document)
  }
}

extension JSONValue {
  /// What a value is, for messages that say what it should have been: an integer is refused for its
  /// size alone where an integer is wanted.
  fileprivate var kindInConfig: String {
    if case .integer(let value) = self, Int(exactly: value) == nil {
      return "an integer beyond 64 bits"
    }
    return kindName
  }
}
