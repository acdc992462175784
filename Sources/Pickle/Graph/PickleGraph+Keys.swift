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
