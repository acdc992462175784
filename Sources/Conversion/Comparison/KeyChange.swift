// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
public import Tensors

/// A key whose value differs between two sides, or that only one side has.
public struct KeyChange<Value: Sendable>: Sendable {
  /// The key.
  public let key: UTF8Text
  /// The value on the left; nil for a key of the right side only.
  public let left: Value?
  /// The value on the right; nil for a key of the left side only.
  public let right: Value?
}

extension KeyChange: Equatable where Value: Equatable {}

extension KeyChange<JSONValue> {
  /// The differences of two configs, by key. The order of keys does not matter, at any depth; 1 and
  /// 1.0 are different values, as are null and an absent key.
  ///
  /// - Complexity: O(n log n) for n values.
  public static func changes(from left: JSONObject, to right: JSONObject) -> [Self] {
    changes(
      from: left.map { (UTF8Text($0.key), $0.value) },
      to: right.map { (UTF8Text($0.key), $0.value) }
    ) { left, right in
      // Values with the same sorted text are the same.
      left.encoded(.python()) == right.encoded(.python())
    }
  }
}

extension KeyChange<String> {
  /// The differences of the metadata of two files, by key; absent metadata equals empty metadata.
  ///
  /// - Complexity: O(n log n) for n entries.
  public static func changes(from left: ArchiveMetadata?, to right: ArchiveMetadata?) -> [Self] {
    changes(
      from: (left?.entries ?? []).map { ($0.key, $0.value) },
      to: (right?.entries ?? []).map { ($0.key, $0.value) }
    ) { left, right in left.utf8.elementsEqual(right.utf8) }
  }
}

extension KeyChange {
  /// Compares keys, which are distinct on either side.
  private static func changes(
    from left: [(UTF8Text, Value)], to right: [(UTF8Text, Value)],
    areSame: (Value, Value) -> Bool
  ) -> [Self] {
    var added = Dictionary(uniqueKeysWithValues: right)
    var changes: [Self] = []
    for (key, value) in left {
      let other = added.removeValue(forKey: key)
      if let other, areSame(value, other) { continue }
      changes.append(KeyChange(key: key, left: value, right: other))
    }
    changes += added.map { KeyChange(key: $0.key, left: nil, right: $0.value) }
    return changes.sorted { $0.key < $1.key }
  }
}
