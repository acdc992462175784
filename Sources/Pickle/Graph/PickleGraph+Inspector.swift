// SPDX-License-Identifier: Apache-2.0
extension PickleGraph: PickleInspector {
  package func type(of value: PickleValue) -> PickleType {
    switch value.kind {
    case .none: .none
    case .bool: .boolean
    case .int, .bigInt: .integer
    case .float: .float
    case .text, .escapedText: .text
    case .bytes: .bytes
    case .name: .global
    case .node(let index): type(ofNode: nodes[index])
    }
  }

  private func type(ofNode node: Node) -> PickleType {
    switch node.kind {
    case .tuple: .tuple
    case .list: .list
    case .dict: node.name.role == .orderedDict ? .orderedDictionary : .dictionary
    case .set: node.name.role == .frozenSet ? .data : .mutableData
    case .call: node.name.call?.resultType ?? .data
    case .object: .object
    case .persistent: node.name.role == .tensorClass ? .tensor : .storage
    }
  }

  package func global(of value: PickleValue) -> AllowedGlobal? { value.name }

  package func elementCount(of tuple: PickleValue) -> Int {
    tuple.node.map { Int(nodes[$0].count) } ?? 0
  }

  package func element(_ index: Int, of tuple: PickleValue) -> PickleValue {
    tuple.node.map { part(index, of: $0) } ?? .none
  }

  // Not the generic one of the protocol, which is not specialized: the reader asks for every tensor.
  package func elements(_ value: PickleValue) -> [PickleValue]? {
    guard type(of: value) == .tuple else { return nil }
    return (0..<elementCount(of: value)).map { element($0, of: value) }
  }

  package func tuple(ofSize size: PickleValue) -> PickleValue {
    guard let node = size.node, let arguments = tuple(part(0, of: node)), arguments.count == 1
    else {
      return .none
    }
    return part(0, of: arguments.node)
  }

  package func isPlain(_ value: PickleValue) -> Bool {
    switch value.kind {
    case .name(let name): name.isValue
    case .node(let index): !nodes[index].flags.contains(.containsGlobal)
    default: true
    }
  }

  package func isEmpty(dictionary: PickleValue) -> Bool {
    dictionary.node.map { nodes[$0].count == 0 } ?? false
  }

  package func hasPlainKeys(dictionary: PickleValue) -> Bool {
    dictionary.node.map { !nodes[$0].flags.contains(.hasSpecialKeys) } ?? false
  }

  package func arePairs(list: PickleValue) -> Bool {
    list.node.map { !nodes[$0].flags.contains(.hasOtherThanPairs) } ?? false
  }

  package func integer(_ value: PickleValue) -> Int? { value.int }
}
