// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// Values of keys by their JSON type. Keys with a value of another type have a finding of their own.
extension AdapterConfig {
  /// The integer of a key, or the default if the key is absent; nil for other JSON, such as null.
  func integer(_ key: String, default defaultValue: Int?) -> Int? {
    guard let json = document[key] else { return defaultValue }
    return json.integer
  }

  /// The number of a key, or the default if the key is absent; nil for other JSON, such as null.
  func number(_ key: String, default defaultValue: Double?) -> Double? {
    guard let json = document[key] else { return defaultValue }
    return json.number
  }

  /// Whether a key is set, as Python sees it: other JSON than a Boolean is true unless it is null, 0 or
  /// empty. An absent key has the default.
  func flag(_ key: String, default defaultValue: Bool) -> Bool {
    guard let json = document[key] else { return defaultValue }
    return switch json {
    case .null: false
    case .bool(let value): value
    default:
      json.number.map { $0 != 0 } ?? json.string.map { !$0.isEmpty } ?? json.array.map {
        !$0.isEmpty
      }
        ?? json.object.map { !$0.isEmpty } ?? true
    }
  }

  /// The string of a key, or the default if the key is absent; nil for other JSON, such as null.
  func text(_ key: String, default defaultValue: String?) -> String? {
    guard let json = document[key] else { return defaultValue }
    return json.string
  }

  /// The number of elements of a list; nil for other JSON, and for an absent key.
  func count(_ key: String) -> Int? { document[key]?.array?.count }
}
