// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
public import Tensors

/// A key of a config: its spelling, its type, its default, and the releases of PEFT that have it.
public struct ConfigField<Value: ConfigValue>: Sendable {
  /// The key as PEFT spells it.
  public let key: String
  /// The value of an absent key.
  public let defaultValue: Value
  /// The first release with the field; nil when every release with the method has it.
  public private(set) var since: PEFTRelease?
  /// The last release with the field; nil when the newest has it.
  public let until: PEFTRelease?

  /// Describes a key.
  public init(
    _ key: String, default defaultValue: Value, since: PEFTRelease? = nil,
    until: PEFTRelease? = nil
  ) {
    self.key = key
    self.defaultValue = defaultValue
    self.since = since
    self.until = until
  }

  /// The same field in a method that has it since another release.
  public func since(_ release: PEFTRelease) -> Self {
    var field = self
    field.since = release
    return field
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

/// A config field without its type, for tables of fields.
public protocol AnyConfigField: Sendable {
  /// The key as PEFT spells it.
  var key: String { get }
  /// The value of an absent key, as JSON.
  var defaultJSON: JSONValue { get }
  /// The first release with the field; nil when every release with the method has it.
  var since: PEFTRelease? { get }
  /// The last release with the field; nil when the newest has it.
  var until: PEFTRelease? { get }
  /// Checks the type of the key's value.
  ///
  /// - Throws: `mismatch` when the key contains JSON of another type.
  func check(_ document: JSONObject) throws(CheckpointError)
}

extension ConfigField: AnyConfigField {
  public var defaultJSON: JSONValue { defaultValue.json }

  public func check(_ document: JSONObject) throws(CheckpointError) {
    _ = try value(in: document)
  }
}

extension JSONValue {
  /// The type of a value, for messages about wrong types: an integer is wrong only for its size.
  fileprivate var kindInConfig: String {
    if case .integer(let value) = self, Int(exactly: value) == nil {
      return "an integer beyond 64 bits"
    }
    return kindName
  }
}
