// SPDX-License-Identifier: Apache-2.0

/// An object of a pickle: an instance of a class, or what the call of a name outside the table would
/// give. It is what the pickle says about it; no code makes it.
package struct PickledObject {
  /// The class or function. A name, or an object that is called.
  package let callee: PickleValue
  /// The tuple of arguments.
  package let arguments: PickleValue
  /// The dict of named arguments, or None.
  package let keywords: PickleValue
  /// The state that BUILD sets, usually a dict of attributes, or None.
  package let state: PickleValue
  /// The list of the items that APPENDS and ADDITEMS add, or None.
  package let items: PickleValue
  /// The dict of the entries that SETITEMS sets, or None.
  package let entries: PickleValue
  /// The name of the class or function; nil for a call of an object.
  package let name: QualifiedName?

  /// The places of the parts of a node.
  enum Slot: Int, CaseIterable {
    case callee, arguments, keywords, state, items, entries
  }

  /// The object of a node of the kind `object`.
  package init(_ node: Int, in graph: PickleGraph) {
    callee = graph.part(Slot.callee.rawValue, of: node)
    arguments = graph.part(Slot.arguments.rawValue, of: node)
    keywords = graph.part(Slot.keywords.rawValue, of: node)
    state = graph.part(Slot.state.rawValue, of: node)
    items = graph.part(Slot.items.rawValue, of: node)
    entries = graph.part(Slot.entries.rawValue, of: node)
    name = graph.qualifiedName(callee)
  }
}

extension PickleGraph {
  /// The type of a value among others.
  func contentsType(of value: PickleValue) -> ContentsType {
    switch value.kind {
    case .none: return .none
    case .bool: return .boolean
    case .int, .bigInt: return .integer
    case .float: return .float
    case .text, .escapedText: return .text
    case .bytes: return .bytes
    case .name, .foreign: return .scalars
    case .node(let node):
      let isBytes = nodes[node].kind == .call && nodes[node].name.call?.resultType == .bytes
      return isBytes ? .bytes : .parts
    }
  }

  /// The object that a value is; nil for another value.
  package func object(_ value: PickleValue) -> PickledObject? {
    guard let node = value.node, nodes[node].kind == .object else { return nil }
    return PickledObject(node, in: self)
  }

  /// The module and name of a value that is a class or function; nil for another value.
  package func qualifiedName(_ value: PickleValue) -> QualifiedName? {
    switch value.kind {
    case .name(let name): name.qualifiedName
    case .foreign(let index): foreignNames[index]
    default: nil
    }
  }

  /// The value for a key of a dict that is text; nil when the dict does not have it, and for another
  /// value than a dict.
  ///
  /// - Complexity: O(entries).
  package func entry(_ key: String, of dictionary: PickleValue) -> PickleValue? {
    guard let node = dictionary.node, nodes[node].kind == .dict else { return nil }
    var cursor = PartCursor(self, node)
    while let name = cursor.next(in: self), let value = cursor.next(in: self) {
      if isText(name, key) { return value }
    }
    return nil
  }

  /// The contents of a value that is `bytes`, `bytearray` or the text of Python 2, in any of their
  /// encodings; nil for another value, and for text with characters beyond U+00FF.
  package func byteString(_ value: PickleValue) -> [UInt8]? {
    switch value.kind {
    case .bytes(let range), .text(let range):
      return Array(bytes(range))
    case .node(let node) where nodes[node].kind == .call:
      let part = part(0, of: node)
      guard let arguments = tuple(part) else { return byteString(part) }
      guard arguments.count > 0 else { return [] }
      let contents = self.part(0, of: arguments.node)
      switch nodes[node].name.role {
      case .encode: return string(contents).flatMap(Self.latin1)
      case .byteArray:
        return isString(contents) ? string(contents).flatMap(Self.latin1) : byteString(contents)
      default: return nil
      }
    default: return nil
    }
  }

  private static func latin1(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}

/// The type that values have in common.
package enum ContentsType: UInt8, BitwiseCopyable, Sendable {
  /// There are no values.
  case empty
  case none, boolean, integer, float, text, bytes
  /// Values of several of these types, and other values without parts.
  case scalars
  /// Some values have parts.
  case parts

  /// Adds the type of a value.
  mutating func add(_ type: Self) {
    if self == .empty || type == .parts {
      self = type
    } else if self != type, self != .parts {
      self = .scalars
    }
  }

  /// The noun for a number of values.
  package func noun(count: Int) -> String {
    let noun =
      switch self {
      case .boolean: "bool"
      case .integer: "int"
      case .float: "float"
      case .text: "string"
      case .bytes: "bytes object"
      default: "value"
      }
    return count == 1 ? noun : noun + "s"
  }
}
