internal import Tensors

extension PickleMachine {
  mutating func pushContainer(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch instruction.opcode {
    case .mark:
      guard marks.count < PickleLimits.depth else {
        throw CheckpointError(
          .unsupported, "the pickle is nested too deeply, more than \(PickleLimits.depth) levels",
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
      if kind == .dict { try checkEntries(items[...], instruction) }
      graph.grow(graph.nodes.count - 1, by: items[...])
    default:
      break
    }
  }

  private mutating func pushTuple(
    from start: Int, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    let first = graph.parts.count
    for value in stack[start...] { graph.parts.append(value) }
    let node = PickleGraph.Node(
      kind: .tuple, name: AllowedGlobal(.builtinType), start: UInt32(first),
      count: UInt32(stack.count - start), offset: place(instruction))
    stack.removeSubrange(start...)
    stack.append(.node(graph.nodes.append(node)))
  }

  /// Puts a new node on the stack that can grow.
  mutating func pushGrowing(
    _ kind: PickleGraph.Node.Kind, _ instruction: PickleInstruction,
    name: AllowedGlobal = AllowedGlobal(.builtinType)
  ) {
    let node = PickleGraph.Node(
      kind: kind, name: name, start: PickleGraph.noRun, offset: place(instruction))
    stack.append(.node(graph.nodes.append(node)))
  }

  /// APPEND, SETITEM and their kin: each only on what it is made for.
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
    guard let node = stack[start - 1].node, graph.nodes[node].kind == kind else {
      throw .malformed(
        "\(opcode.name) is used on \(graph.article(stack[start - 1])), where it does not belong",
        at: instruction.offset)
    }
    if kind == .dict { try checkEntries(stack[start...], instruction) }
    graph.grow(node, by: stack[start...])
    stack.removeSubrange(start...)
  }

  /// Keys and values must come in pairs, and keys must be what a dict can have.
  func checkEntries(
    _ items: ArraySlice<PickleValue>, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    guard items.count.isMultiple(of: 2) else {
      throw .malformed(
        "\(instruction.opcode.name) finds a key without a value", at: instruction.offset)
    }
    for index in stride(from: items.startIndex, to: items.endIndex, by: 2) {
      guard let node = items[index].node else { continue }
      switch graph.nodes[node].kind {
      case .list, .dict, .set:
        throw .malformed(
          "\(instruction.opcode.name) finds \(graph.article(items[index])) as a key, which no dict "
            + "can have", at: instruction.offset)
      default:
        break
      }
    }
  }
}
