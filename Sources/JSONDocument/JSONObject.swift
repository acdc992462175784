/// The members of a JSON object in their order, each key once.
///
/// Keys compare as UTF-8 bytes: "é" and "e\u{301}" are two keys. Small objects are searched from the
/// front, larger ones through a table.
public struct JSONObject: Sendable {
  /// A key and its value.
  public struct Member: Sendable, Hashable {
    /// The key, unique in its object.
    public let key: String
    /// The value.
    public var value: JSONValue

    /// Pairs a key with a value.
    public init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }

    /// Whether both have the same key, byte for byte, and equal values.
    public static func == (left: Self, right: Self) -> Bool {
      left.key.hasSameUTF8(as: right.key) && left.value == right.value
    }

    /// Feeds the key and the value.
    public func hash(into hasher: inout Hasher) {
      hasher.combine(utf8Of: key)
      hasher.combine(value)
    }
  }

  /// The most members that are searched from the front.
  static let linearCount = 12

  /// The members in order.
  private(set) var members: [Member] = []
  /// Where each key stands; empty while there are no more than `linearCount` members.
  private var places: [UTF8Key: Int] = [:]

  /// Makes an object without members.
  public init() {}

  /// Takes members in order. A key that stands twice is a caller's bug and traps.
  ///
  /// - Complexity: O(n) on average.
  public init(uniqueKeysWithValues elements: some Sequence<(String, JSONValue)>) {
    for (key, value) in elements {
      precondition(index(forKey: key) == nil, "a JSON object must hold each key once")
      append(Member(key: key, value: value))
    }
  }

  /// Takes members whose keys are known to differ.
  init(distinct members: [Member]) {
    self.members = members
    rebuildPlaces()
  }

  /// The place of the member `key`, or nil when there is none.
  ///
  /// - Complexity: O(1) on average.
  public func index(forKey key: String) -> Int? {
    if members.count <= Self.linearCount {
      members.firstIndex { $0.key.hasSameUTF8(as: key) }
    } else {
      places[UTF8Key(string: key)]
    }
  }

  /// The value of the member `key`, or nil when there is none.
  ///
  /// Setting a value replaces that of the member in its place, or appends a member; setting nil
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

  /// Puts a member in front of the one at `index`, or at the end when `index` is the count. If the key
  /// is there already, its value is replaced where it stands.
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

  /// Sorts the members by key, as bytes (which is by code point); values keep the order they have.
  ///
  /// - Complexity: O(n log n).
  public mutating func sortKeys() {
    members.sort { $0.key.utf8Precedes($1.key) }
    rebuildPlaces()
  }

  /// Appends a member whose key is known to be new.
  private mutating func append(_ member: Member) {
    members.append(member)
    if members.count == Self.linearCount + 1 {
      rebuildPlaces()
    } else if members.count > Self.linearCount {
      places[UTF8Key(string: member.key)] = members.count - 1
    }
  }

  private mutating func rebuildPlaces() {
    places.removeAll(keepingCapacity: true)
    guard members.count > Self.linearCount else { return }
    places.reserveCapacity(members.count)
    for (index, member) in members.enumerated() {
      places[UTF8Key(string: member.key)] = index
    }
  }
}
