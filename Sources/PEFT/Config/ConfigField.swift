// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
public import Tensors

/// A key of a config that is read as a Swift type. ``MethodFields`` has all keys of a method, by
/// release.
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
  /// - Throws: `mismatch` when the key contains JSON of another type.
  public func value(in document: JSONObject) throws(CheckpointError) -> Value {
    guard let json = document[key] else { return defaultValue }
    guard let value = Value.decode(json) else {
      throw CheckpointError(
        .mismatch, "\"\(key)\" must be \(Value.expectation), but is \(json.kindInConfig)")
    }
    return value
  }
}

extension JSONValue {
  /// The type of a value, for messages about wrong types: an integer is wrong only for its size.
  var kindInConfig: String {
    if case .integer(let value) = self, Int(exactly: value) == nil {
      return "an integer beyond 64 bits"
    }
    return kindName
  }
}
