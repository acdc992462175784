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
    case .foreign: .object
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
    case .object: node.name.objectType
    case .persistent: node.name.role == .tensorClass ? .tensor : .storage
    }
  }

  package func global(of value: PickleValue) -> AllowedGlobal? { value.name }

  package func elementCount(of tuple: PickleValue) -> Int {
    guard let node = tuple.node else { return 0 }
    return Int(nodes[node].count)
  }

  package func element(_ index: Int, of tuple: PickleValue) -> PickleValue {
    guard let node = tuple.node else { return .none }
    return part(index, of: node)
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
    guard let node = dictionary.node else { return false }
    return nodes[node].count == 0
  }

  package func hasPlainKeys(dictionary: PickleValue) -> Bool {
    guard let node = dictionary.node else { return false }
    return !nodes[node].flags.contains(.hasSpecialKeys)
  }

  package func arePairs(list: PickleValue) -> Bool {
    guard let node = list.node else { return false }
    return !nodes[node].flags.contains(.hasOtherThanPairs)
  }

  package func integer(_ value: PickleValue) -> Int? { value.int }

  package func dtype(_ value: PickleValue) -> (code: PickleValue, state: PickleValue?)? {
    guard type(of: value) == .arrayDType, let object = object(value),
      elementCount(of: object.arguments) > 0
    else { return nil }
    let code = element(0, of: object.arguments)
    if case .none = object.state.kind { return (code, nil) }
    return (code, object.state)
  }

  package func fields(_ dictionary: PickleValue) -> [PickleValue]? {
    guard let node = dictionary.node, nodes[node].kind == .dict,
      nodes[node].count <= 2 * NumPyDType.largestFieldCount
    else { return nil }
    let parts = allParts(of: node)
    return stride(from: 1, to: parts.count, by: 2).map { parts[$0] }
  }

  package func isInert(_ value: PickleValue) -> Bool {
    switch value.kind {
    case .foreign: true
    case .node(let index): nodes[index].kind == .object && nodes[index].name.role == .inert
    default: false
    }
  }

  package var asksForCode: Bool { codeRequest != nil }
}
