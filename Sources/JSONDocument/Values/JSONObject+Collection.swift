// SPDX-License-Identifier: Apache-2.0
extension JSONObject: RandomAccessCollection {
  /// The index of the first member: 0.
  public var startIndex: Int { 0 }
  /// The number of members.
  public var endIndex: Int { members.count }

  /// The member at `position`.
  public subscript(position: Int) -> Member { members[position] }

  /// The keys in order.
  public var keys: some RandomAccessCollection<String> & Sendable { members.map(\.key) }

  /// The values in order.
  public var values: some RandomAccessCollection<JSONValue> & Sendable { members.map(\.value) }
}

extension JSONObject: Hashable {
  /// Whether both contain the same members in the same order.
  public static func == (left: Self, right: Self) -> Bool {
    left.members == right.members
  }

  /// Hashes the members in order.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(members)
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral, CustomStringConvertible {
  /// Creates an object from members in order. Duplicate keys trap.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self.init(uniqueKeysWithValues: elements)
  }

  /// The object on one line, as `JSONStyle.compact` writes it.
  public var description: String { JSONValue.object(self).description }
}
