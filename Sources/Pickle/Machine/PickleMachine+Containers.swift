// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension PickleMachine {
  mutating func pushContainer(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch instruction.opcode {
    case .mark:
      guard marks.count < limits.depth else {
        throw CheckpointError(
          .unsupported, "the pickle is nested too deeply, more than \(limits.depth) levels",
          offset: instruction.offset)
      }
      marks.append(stack.count)
    case .tuple:
      try pushTuple(from: popMark(instruction), instruction)
    case .tuple1, .tuple2, .tuple3:
      let count = Int(instruction.opcode.rawValue - Opcode.tuple1.rawValue) + 1
      guard stack.count - (marks.last ?? 0) >= count else {
        throw .malformed(
          "\(instruction.opcode.name) finds nothing to work on", at: instruction.offset)
      }
      try pushTuple(from: stack.count - count, instruction)
    case .emptyTuple:
      try pushTuple(from: stack.count, instruction)
    case .emptyList: pushGrowing(.list, instruction)
    case .emptyDict: pushGrowing(.dict, instruction)
    case .emptySet: pushGrowing(.set, instruction)
    case .list, .dict, .frozenSet:
      let start = try popMark(instruction)
      let items = Array(stack[start...])
      stack.removeSubrange(start...)
      let kind: PickleGraph.Node.Kind =
        instruction.opcode == .list ? .list : instruction.opcode == .dict ? .dict : .set
      pushGrowing(
        kind, instruction, name: AllowedGlobal(kind == .set ? .frozenSet : .builtinType))
      try add(items[...], to: graph.nodes.count - 1, instruction)
    default:
      break
    }
  }

  /// Pushes a tuple of the values from a position of the stack.
  mutating func pushTuple(
    from start: Int, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    let first = graph.parts.count
    var node = PickleGraph.Node(
      kind: .tuple, name: AllowedGlobal(.builtinType), start: UInt32(first),
      count: UInt32(stack.count - start), offset: place(instruction))
    for value in stack[start...] {
      if !graph.isPlain(value) { node.flags.insert(.containsGlobal) }
      node.contents.add(graph.contentsType(of: value))
      graph.parts.append(value)
    }
    stack.removeSubrange(start...)
    stack.append(.node(graph.nodes.append(node)))
  }

  /// Pushes a new node that can grow.
  mutating func pushGrowing(
    _ kind: PickleGraph.Node.Kind, _ instruction: PickleInstruction,
    name: AllowedGlobal = AllowedGlobal(.builtinType)
  ) {
    let node = PickleGraph.Node(
      kind: kind, name: name, start: PickleGraph.noRun, offset: place(instruction))
    stack.append(.node(graph.nodes.append(node)))
  }

  /// APPEND, SETITEM and the like, each only on its own kind of container.
  mutating func fill(_ instruction: PickleInstruction) throws(CheckpointError) {
    let opcode = instruction.opcode
    let start: Int
    switch opcode {
    case .append, .setItem:
      start = stack.count - (opcode == .append ? 1 : 2)
      guard start >= marks.last ?? 0 else {
        throw .malformed("\(opcode.name) finds nothing to work on", at: instruction.offset)
      }
    default:
      start = try popMark(instruction)
    }
    guard start > marks.last ?? 0 else {
      throw .malformed("\(opcode.name) finds nothing to add to", at: instruction.offset)
    }
    let kind: PickleGraph.Node.Kind =
      switch opcode {
      case .append, .appends: .list
      case .addItems: .set
      default: .dict
      }
    guard let node = part(of: stack[start - 1], kind, instruction) else {
      throw .malformed(
        "\(opcode.name) is used on \(graph.article(stack[start - 1])), where it does not belong",
        at: instruction.offset)
    }
    try add(stack[start...], to: node, instruction)
    stack.removeSubrange(start...)
  }

  /// The container that an opcode for containers of a kind fills: the value itself, or a part of an
  /// object. Nil when the value takes no such items.
  private mutating func part(
    of value: PickleValue, _ kind: PickleGraph.Node.Kind, _ instruction: PickleInstruction
  ) -> Int? {
    guard let node = value.node else { return nil }
    guard graph.nodes[node].kind == .object else {
      let isOpen = graph.nodes[node].name.role != .frozenSet
      return graph.nodes[node].kind == kind && isOpen ? node : nil
    }
    switch graph.nodes[node].name.role {
    case .inert, .namespaceClass: break
    default: return nil
    }
    let slot: PickledObject.Slot = kind == .dict ? .entries : .items
    if let part = graph.part(slot.rawValue, of: node).node { return part }
    let part = graph.nodes.append(
      PickleGraph.Node(
        kind: kind == .dict ? .dict : .list, name: AllowedGlobal(.builtinType),
        start: PickleGraph.noRun, offset: place(instruction)))
    graph.parts[Int(graph.nodes[node].start) + slot.rawValue] = .node(part)
    return part
  }

  /// Adds items, or keys and values, to a list, set or dict.
  private mutating func add(
    _ items: ArraySlice<PickleValue>, to node: Int, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    for value in items { try requirePlain(value, instruction) }
    if graph.nodes[node].count >= PickleLimits.keptNumbers, graph.nodes[node].kind != .dict,
      items.allSatisfy(\.isNumber)
    {
      graph.nodes[node].flags.insert(.hasOtherThanPairs)
      for item in items { graph.nodes[node].contents.add(graph.contentsType(of: item)) }
      return graph.count(items.count, in: node)
    }
    switch graph.nodes[node].kind {
    case .dict:
      try checkEntries(items, instruction)
      note(items, in: node)
    case .list where !items.allSatisfy(isPair):
      graph.nodes[node].flags.insert(.hasOtherThanPairs)
      fallthrough
    default:
      for item in items { graph.nodes[node].contents.add(graph.contentsType(of: item)) }
    }
    graph.grow(node, by: items)
  }

  /// Notes classes and functions in places for data, and refuses them where no name is inert.
  mutating func requirePlain(
    _ value: PickleValue, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    guard !graph.isPlain(value) else { return }
    let name = value.name.map { "\($0)" } ?? "a tuple with a class or function"
    try request(
      .malformed("uses \(name) as a value, which no checkpoint does", at: instruction.offset))
  }

  private func isPair(_ value: PickleValue) -> Bool {
    guard let node = value.node else { return false }
    let kind = graph.nodes[node].kind
    return (kind == .tuple || kind == .list) && graph.nodes[node].count == 2
  }

  /// Records the properties of a dict's new entries: whether all keys are names of ordinary attributes,
  /// and the type of the values.
  mutating func note(_ entries: ArraySlice<PickleValue>, in node: Int) {
    for index in stride(from: entries.startIndex, to: entries.endIndex, by: 2) {
      if !graph.isAttributeName(entries[index]) {
        graph.nodes[node].flags.insert(.hasSpecialKeys)
      }
      graph.nodes[node].contents.add(graph.contentsType(of: entries[index + 1]))
    }
  }

  /// Checks that each key has a value and is hashable.
  func checkEntries(
    _ items: ArraySlice<PickleValue>, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    guard items.count.isMultiple(of: 2) else {
      throw .malformed(
        "\(instruction.opcode.name) finds a key without a value", at: instruction.offset)
    }
    for index in stride(from: items.startIndex, to: items.endIndex, by: 2) {
      guard items[index].node != nil, !graph.type(of: items[index]).isHashable else { continue }
      throw .malformed(
        "\(instruction.opcode.name) finds \(graph.article(items[index])) as a key, which no dict "
          + "can have", at: instruction.offset)
    }
  }
}
