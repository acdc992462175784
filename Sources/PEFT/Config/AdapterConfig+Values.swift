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

  /// The Boolean of a key, or the default if the key is absent or has other JSON.
  func flag(_ key: String, default defaultValue: Bool) -> Bool {
    document[key]?.bool ?? defaultValue
  }

  /// The string of a key, or the default if the key is absent; nil for other JSON, such as null.
  func text(_ key: String, default defaultValue: String?) -> String? {
    guard let json = document[key] else { return defaultValue }
    return json.string
  }

  /// The number of elements of a list; nil for other JSON, and for an absent key.
  func count(_ key: String) -> Int? { document[key]?.array?.count }
}
