// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The members of a JSON object in order, with unique keys.
///
/// Keys compare as UTF-8 bytes: "é" and "e\u{301}" are different keys. Small objects are searched
/// linearly, larger ones through a table.
public struct JSONObject: Sendable {
  /// A key and its value.
  public struct Member: Sendable, Hashable {
    /// The key, unique in its object.
    public let key: String
    /// The value.
    public var value: JSONValue

    /// Creates a member.
    public init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }

    /// Whether both have the same key, byte for byte, and equal values.
    public static func == (left: Self, right: Self) -> Bool {
      left.key.utf8.span.hasSameBytes(as: right.key.utf8.span) && left.value == right.value
    }

    /// Hashes the key and the value.
    public func hash(into hasher: inout Hasher) {
      key.utf8.span.hash(into: &hasher)
      hasher.combine(value)
    }
  }

  /// The largest number of members that are searched linearly.
  static let linearCount = 12

  /// The members in order.
  private(set) var members: [Member] = []
  /// The index of each key; empty while there are at most `linearCount` members.
  private var places: [UTF8Text: Int] = [:]

  /// Creates an empty object.
  public init() {}

  /// Creates an object from members in order. Duplicate keys trap.
  ///
  /// - Complexity: O(n) on average.
  public init(uniqueKeysWithValues elements: some Sequence<(String, JSONValue)>) {
    for (key, value) in elements {
      precondition(index(forKey: key) == nil, "the keys of a JSON object must be unique")
      append(Member(key: key, value: value))
    }
  }

  /// Creates an object from members whose keys are known to be unique.
  init(distinct members: [Member]) {
    self.members = members
    rebuildPlaces()
  }

  /// The index of the member `key`, or nil when there is none.
  ///
  /// - Complexity: O(1) on average.
  public func index(forKey key: String) -> Int? {
    if members.count <= Self.linearCount {
      members.firstIndex { $0.key.utf8.span.hasSameBytes(as: key.utf8.span) }
    } else {
      places[UTF8Text(key)]
    }
  }

  /// The value of the member `key`, or nil when there is none.
  ///
  /// Setting a value replaces the value of the member in place, or appends a member. Setting nil
  /// removes the member.
  ///
  /// - Complexity: O(1) on average, O(n) to remove.
  public subscript(key: String) -> JSONValue? {
    get {
      index(forKey: key).map { members[$0].value }
    }
    set {
      guard let newValue else {
        removeValue(forKey: key)
        return
      }
      if let index = index(forKey: key) {
        members[index].value = newValue
      } else {
        append(Member(key: key, value: newValue))
      }
    }
  }

  /// Inserts a member before the one at `index`, or at the end when `index` is the count. The value of
  /// an existing key is replaced in place.
  ///
  /// - Complexity: O(n).
  public mutating func insert(_ value: JSONValue, forKey key: String, at index: Int) {
    if let present = self.index(forKey: key) {
      members[present].value = value
    } else {
      members.insert(Member(key: key, value: value), at: index)
      rebuildPlaces()
    }
  }

  /// Removes the member `key`.
  ///
  /// - Returns: its value, or nil when there was none.
  /// - Complexity: O(n).
  @discardableResult
  public mutating func removeValue(forKey key: String) -> JSONValue? {
    guard let index = index(forKey: key) else { return nil }
    let member = members.remove(at: index)
    rebuildPlaces()
    return member.value
  }

  /// Sorts the members by key, as bytes (which is by code point). Members inside values are not sorted.
  ///
  /// - Complexity: O(n log n).
  public mutating func sortKeys() {
    members.sort { $0.key.utf8.span.precedes($1.key.utf8.span) }
    rebuildPlaces()
  }

  /// Appends a member whose key is known to be new.
  private mutating func append(_ member: Member) {
    members.append(member)
    if members.count == Self.linearCount + 1 {
      rebuildPlaces()
    } else if members.count > Self.linearCount {
      places[UTF8Text(member.key)] = members.count - 1
    }
  }

  private mutating func rebuildPlaces() {
    places.removeAll(keepingCapacity: true)
    guard members.count > Self.linearCount else { return }
    places.reserveCapacity(members.count)
    for (index, member) in members.enumerated() {
      places[UTF8Text(member.key)] = index
    }
  }
}
