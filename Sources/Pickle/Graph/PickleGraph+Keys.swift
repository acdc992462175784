// SPDX-License-Identifier: Apache-2.0
package import Tensors

extension PickleGraph {
  /// The name for a key of a dict, as Python's `str` writes it; nil for a key that is not a simple
  /// value.
  ///
  /// - Throws: `unsupported` for text with a lone surrogate, which no name can contain.
  package func keyName(_ key: PickleValue) throws(CheckpointError) -> String? {
    switch key.kind {
    case .text, .escapedText:
      guard let text = string(key) else {
        throw CheckpointError(
          .unsupported, "a name contains half a surrogate pair, which is not a character",
          offset: offset(of: key))
      }
      return text
    case .int(let value): return String(value)
    case .bool(let value): return value ? "True" : "False"
    case .none: return "None"
    default: return nil
    }
  }

  /// The text for a key of a dict that is not a simple value: a tuple, bytes, or a call, in Python's
  /// spelling; nil when its parts are not simple values either, and for a text of more than
  /// `largestKey` bytes.
  package func keyText(_ key: PickleValue) -> String? {
    var left = Self.largestKey
    return text(of: key, level: 0, left: &left)
  }

  /// The longest text for a key, in bytes.
  private static let largestKey = 1024
  /// The most levels of tuples in a key.
  private static let deepestKey = 4

  private func text(of value: PickleValue, level: Int, left: inout Int) -> String? {
    let text: String
    switch value.kind {
    case .text(let range) where range.count <= left: text = quoted(bytes(range))
    case .bytes(let range) where range.count <= left: text = "b" + quoted(bytes(range))
    case .int(let number): text = String(number)
    case .bool(let flag): text = flag ? "True" : "False"
    case .none: text = "None"
    case .name, .foreign: text = describe(value)
    case .node(let node) where level < Self.deepestKey:
      guard let parts = parts(of: node, level: level, left: &left) else { return nil }
      text = parts
    default: return nil
    }
    left -= text.utf8.count
    return left >= 0 ? text : nil
  }

  private func parts(of node: Int, level: Int, left: inout Int) -> String? {
    switch nodes[node].kind {
    case .tuple:
      guard let texts = texts(in: node, level: level, left: &left) else { return nil }
      return "(" + texts.joined(separator: ", ") + (texts.count == 1 ? ",)" : ")")
    case .call where type(of: .node(node)) == .bytes:
      guard isShort(node, left), let bytes = byteString(.node(node)) else { return nil }
      return "b" + quoted(bytes[...])
    case .call:
      guard let arguments = part(0, of: node).node else { return nil }
      let isSize = nodes[node].name.role == .size
      // A size has its numbers in a tuple of its own.
      guard let inner = isSize ? part(0, of: arguments).node : arguments,
        let texts = texts(in: inner, level: level, left: &left)
      else { return nil }
      let list = texts.joined(separator: ", ")
      return isSize ? "torch.Size([\(list)])" : nodes[node].name.qualifiedName.name + "(\(list))"
    case .object:
      let object = PickledObject(node, in: self)
      guard let name = object.name, case .none = object.state.kind,
        let arguments = object.arguments.node,
        let texts = texts(in: arguments, level: level, left: &left)
      else { return nil }
      return name.name + "(" + texts.joined(separator: ", ") + ")"
    default: return nil
    }
  }

  /// The texts of the elements of a tuple.
  private func texts(in node: Int, level: Int, left: inout Int) -> [String]? {
    guard nodes[node].kind == .tuple, nodes[node].count <= left else { return nil }
    var texts: [String] = []
    for index in 0..<Int(nodes[node].count) {
      guard let text = text(of: part(index, of: node), level: level + 1, left: &left) else {
        return nil
      }
      left -= 2
      texts.append(text)
    }
    return texts
  }

  /// Whether the first argument of a call is at most as long.
  private func isShort(_ call: Int, _ byteCount: Int) -> Bool {
    guard let first = elements(part(0, of: call))?.first else { return true }
    switch first.kind {
    case .text(let range), .escapedText(let range), .bytes(let range):
      return range.count <= byteCount
    default: return false
    }
  }

  /// Text in quotes, as Python writes it; what is not plain text is escaped.
  private func quoted(_ bytes: ArraySlice<UInt8>) -> String {
    "'" + String(decoding: bytes, as: UTF8.self).printable + "'"
  }

  /// Whether a key is the name of an ordinary attribute: text that does not start with `__`.
  func isAttributeName(_ key: PickleValue) -> Bool {
    switch key.kind {
    case .text(let range):
      let first = sourceStart + range.lowerBound
      return range.count < 2 || source[first] != UInt8(ascii: "_")
        || source[first + 1] != UInt8(ascii: "_")
    case .escapedText:
      return string(key).map { !$0.utf8.starts(with: "__".utf8) } ?? false
    default: return false
    }
  }

  /// Refuses a dict with a duplicate key.
  ///
  /// - Complexity: O(keys · log keys), with 16 bytes of memory for each key.
  package func checkKeys(of node: Int) throws(CheckpointError) {
    var keys: [(hash: Int, key: PickleValue)] = []
    keys.reserveCapacity(Int(nodes[node].count / 2))
    var cursor = PartCursor(self, node)
    while let key = cursor.next(in: self) {
      keys.append((keyHash(key), key))
      _ = cursor.next(in: self)
    }
    guard keys.count > 1 else { return }
    keys.sort { $0.hash < $1.hash }
    for index in 1..<keys.count where keys[index].hash == keys[index - 1].hash {
      guard isSameKey(keys[index].key, keys[index - 1].key) else { continue }
      let name = try keyName(keys[index].key) ?? typeName(keys[index].key)
      throw .malformed(
        "the name \"\(name.excerpt)\" appears twice",
        at: offset(of: keys[index].key) ?? offset(of: node))
    }
  }

  private func keyHash(_ key: PickleValue) -> Int {
    var hasher = Hasher()
    switch key.kind {
    case .text(let range), .escapedText(let range), .bytes(let range):
      bytes(range).span.hash(into: &hasher)
    default:
      hasher.combine(key)
    }
    return hasher.finalize()
  }

  private func isSameKey(_ left: PickleValue, _ right: PickleValue) -> Bool {
    switch (left.kind, right.kind) {
    case (.text(let left), .text(let right)), (.escapedText(let left), .escapedText(let right)),
      (.bytes(let left), .bytes(let right)):
      bytes(left).elementsEqual(bytes(right))
    default:
      left == right
    }
  }
}
