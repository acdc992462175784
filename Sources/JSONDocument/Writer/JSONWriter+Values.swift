// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension JSONWriter {
  /// Writes a value with its content; members of objects are sorted if the style says so.
  ///
  /// - Complexity: O(n), or O(n log n) when keys are sorted; without recursion.
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
              ? members.sorted { $0.key.utf8.span.precedes($1.key.utf8.span) }[...] : members[...]))
      }
      guard let next = nextValue(in: &open) else { return }
      current = next
    }
  }

  /// Ends completed containers, and writes the key of the next value.
  ///
  /// - Returns: the next value to write, nil at the end.
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

/// An array or object that is being written, with its remaining entries.
private enum OpenValue {
  case array(ArraySlice<JSONValue>)
  case object(ArraySlice<JSONObject.Member>)
}

extension JSONValue {
  /// The value as a document in UTF-8, without a trailing line break.
  ///
  /// - Complexity: O(n), or O(n log n) when keys are sorted.
  public func encoded(_ style: JSONStyle) -> [UInt8] {
    var writer = JSONWriter(style)
    writer.value(self)
    return writer.finish()
  }
}
