extension JSONWriter {
  /// Writes a value with all it holds, the members of objects sorted if the style says so.
  ///
  /// - Complexity: O(n), or O(n log n) where keys are sorted; without recursion.
  public mutating func value(_ value: JSONValue) {
    var open: [OpenValue] = []
    var current = value
    while true {
      switch current {
      case .null: null()
      case .bool(let value): bool(value)
      case .integer(let value): integer(value)
      case .float(let value): float(value)
      case .string(let value): string(value)
      case .array(let elements):
        beginArray()
        open.append(.array(elements[...]))
      case .object(let object):
        beginObject()
        let members = object.members
        open.append(
          .object(
            style.sortsKeys
              ? members.sorted { $0.key.utf8Precedes($1.key) }[...] : members[...]))
      }
      guard let next = nextValue(in: &open) else { return }
      current = next
    }
  }

  /// The next value to write, after ending what has none left and writing the key where it has one.
  private mutating func nextValue(in open: inout [OpenValue]) -> JSONValue? {
    while let last = open.indices.last {
      switch open[last] {
      case .array(var rest):
        if let element = rest.popFirst() {
          open[last] = .array(rest)
          return element
        }
        endArray()
      case .object(var rest):
        if let member = rest.popFirst() {
          open[last] = .object(rest)
          key(member.key)
          return member.value
        }
        endObject()
      }
      open.removeLast()
    }
    return nil
  }
}

/// An array or object that is being written, with what is left of it.
private enum OpenValue {
  case array(ArraySlice<JSONValue>)
  case object(ArraySlice<JSONObject.Member>)
}

extension JSONValue {
  /// The value as a document in UTF-8, without a line end after it.
  ///
  /// - Complexity: O(n), or O(n log n) where keys are sorted.
  public func encoded(_ style: JSONStyle) -> [UInt8] {
    var writer = JSONWriter(style)
    writer.value(self)
    return writer.finish()
  }
}
