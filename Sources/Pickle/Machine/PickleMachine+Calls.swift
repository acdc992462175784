// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension PickleMachine {
  /// REDUCE: records the call. The table decides whether it gives data or an inert object.
  mutating func reduce(_ instruction: PickleInstruction) throws(CheckpointError) {
    let arguments = try pop(instruction)
    let function = try pop(instruction)
    guard let name = function.name, let rule = name.call else {
      return try pushInert(function, arguments, instruction)
    }
    if let mismatch = rule.mismatch(of: arguments, in: graph) {
      let error = Self.refusing(mismatch, of: rule, name, instruction)
      guard let values = graph.elements(arguments), values.contains(where: graph.isInert) else {
        throw error
      }
      try request(error)
      if name.role == .reconstructor {
        return pushObject(values[0], .none, instruction)
      }
      return pushObject(function, arguments, isInert: true, instruction)
    }
    if case .argument(let index) = rule.result {
      return stack.append(graph.element(index, of: arguments))
    }
    switch name.role {
    case .orderedDict: try pushOrderedDict(arguments, instruction)
    case .defaultDict: pushGrowing(.dict, instruction, name: name)
    case .deque: try pushDeque(arguments, instruction)
    case .reconstructor:
      pushObject(graph.element(0, of: arguments), .none, instruction)
    default:
      switch rule.resultType {
      case .object, .array, .arrayDType: pushObject(function, arguments, instruction)
      default: pushCall(name, arguments, instruction)
      }
    }
  }

  /// Pushes the result of a call.
  mutating func pushCall(
    _ name: AllowedGlobal, _ arguments: PickleValue, _ instruction: PickleInstruction
  ) {
    let part = graph.parts.append(arguments)
    let node = PickleGraph.Node(
      kind: .call, name: name, start: UInt32(part), count: 1, offset: place(instruction))
    stack.append(.node(graph.nodes.append(node)))
  }

  /// The error for arguments that the table does not allow.
  @inline(never)
  private static func refusing(
    _ mismatch: CallRule.Mismatch, of rule: CallRule, _ name: AllowedGlobal,
    _ instruction: PickleInstruction
  ) -> CheckpointError {
    let explanation = rule.explanation(of: mismatch, calling: name)
    return switch rule.refusal {
    case .fails: .malformed(explanation, at: instruction.offset)
    case .allocates: allocating(name.description, instruction)
    case .runsCode: asking("\(name) with other arguments (\(explanation))", instruction)
    }
  }

  /// Pushes a deque with the items of its first argument.
  private mutating func pushDeque(
    _ arguments: PickleValue, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    var items: [PickleValue] = []
    if graph.elementCount(of: arguments) > 0, let list = graph.element(0, of: arguments).node {
      try checkGrowth(by: Int(graph.nodes[list].count), instruction)
      items = graph.allParts(of: list)
    }
    pushGrowing(.list, instruction, name: AllowedGlobal(.deque))
    let node = graph.nodes.count - 1
    for item in items { graph.nodes[node].contents.add(graph.contentsType(of: item)) }
    graph.grow(node, by: items[...])
  }

  /// Counts items before they are copied: many calls may share a list.
  private func checkGrowth(
    by count: Int, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    let growth = count * MemoryLayout<PickleValue>.stride
    guard graph.byteCount + growth <= limits.graphByteCount else {
      throw CheckpointError(
        .unsupported, "the pickle expands to more items than a file of its size may have",
        offset: instruction.offset)
    }
  }

  /// Pushes an ordered dict: an empty one, or that of the list of pairs that Python 2 writes.
  private mutating func pushOrderedDict(
    _ arguments: PickleValue, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    var entries: [PickleValue] = []
    if graph.elementCount(of: arguments) > 0, let list = graph.element(0, of: arguments).node {
      try checkGrowth(by: Int(graph.nodes[list].count) * 2, instruction)
      for pair in graph.allParts(of: list) {
        guard let node = pair.node, graph.nodes[node].count == 2 else {
          throw .malformed(
            "argument 1 of OrderedDict must be a list of pairs", at: instruction.offset)
        }
        entries += graph.allParts(of: node)
      }
    }
    pushGrowing(.dict, instruction, name: AllowedGlobal(.orderedDict))
    try checkEntries(entries[...], instruction)
    let node = graph.nodes.count - 1
    note(entries[...], in: node)
    graph.grow(node, by: entries[...])
  }
}
