internal import Tensors

extension PickleMachine {
  /// REDUCE: notes what Python would call. The name must be on the list, and the arguments such
  /// that the call could only put data together.
  mutating func reduce(_ instruction: PickleInstruction) throws(CheckpointError) {
    let arguments = try pop(instruction)
    let function = try pop(instruction)
    guard let name = function.name else {
      throw Self.asking(graph.describe(function), instruction)
    }
    guard let tuple = graph.tuple(arguments) else {
      throw .malformed("a call has arguments that are no tuple", at: instruction.offset)
    }
    let values = (0..<min(tuple.count, 16)).map { graph.part($0, of: tuple.node) }
    switch name.role {
    case .orderedDict:
      try pushOrderedDict(values, instruction)
    case .defaultDict:
      try check(values.count <= 1 && values.allSatisfy(isFactory), function, instruction)
      pushGrowing(.dict, instruction, name: name)
    case .scriptList:
      try check(values.count == 1 && kind(values[0]) == .list, function, instruction)
      stack.append(values[0])
    case .scriptTag:
      try check(values.count == 2 && graph.isString(values[1]), function, instruction)
      stack.append(values[0])
    case .tensorClass, .storageClass, .untypedStorage:
      throw Self.allocating(graph.describe(function), instruction)
    case .dtype, .quantizationScheme, .builtinType, .scriptClass:
      throw Self.asking(graph.describe(function), instruction)
    default:
      try checkArguments(of: name.role, values, function, instruction)
      pushCall(name, arguments, instruction)
    }
  }

  /// Puts on the stack what a call would give.
  mutating func pushCall(
    _ name: AllowedGlobal, _ arguments: PickleValue, _ instruction: PickleInstruction
  ) {
    let part = graph.parts.append(arguments)
    let node = PickleGraph.Node(
      kind: .call, name: name, start: UInt32(part), count: 1, offset: place(instruction))
    stack.append(.node(graph.nodes.append(node)))
  }

  /// What the calls of plain data may be given. Tensors are checked when they are put together.
  private func checkArguments(
    of role: AllowedGlobal.Role, _ values: [PickleValue], _ function: PickleValue,
    _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    switch role {
    case .set, .frozenSet:
      try check(
        values.isEmpty || values.count == 1 && isSequence(values[0]), function, instruction)
    case .counter:
      try check(
        values.isEmpty || values.count == 1 && kind(values[0]) == .dict, function, instruction)
    case .bytes, .byteArray:
      if role == .byteArray, values.count == 1, isBytes(values[0]) { return }
      if role == .byteArray, values.count == 2, graph.isString(values[0]), isLatin1(values[1]) {
        return
      }
      guard values.isEmpty else { throw Self.allocating(graph.describe(function), instruction) }
    case .complex:
      try check(values.count == 2 && values.allSatisfy(isNumber), function, instruction)
    case .range, .slice:
      try check(
        values.count <= 3 && values.allSatisfy { isNumber($0) || isNone($0) }, function, instruction
      )
    case .encode:
      guard values.count == 2, graph.isString(values[0]), isLatin1(values[1]) else {
        throw Self.asking("_codecs.encode with a codec other than latin1", instruction)
      }
    case .size:
      try check(values.count == 1 && isSequence(values[0]), function, instruction)
    case .device:
      try check(
        (1...2).contains(values.count) && graph.isString(values[0]), function, instruction)
    case .layout:
      try check(values.count == 1 && graph.isString(values[0]), function, instruction)
    default:
      break
    }
  }

  private func check(
    _ isFine: Bool, _ function: PickleValue, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    guard isFine else {
      throw .malformed(
        "\(graph.describe(function)) has arguments that it cannot have", at: instruction.offset)
    }
  }

  /// An ordered dict: empty, or from the list of pairs that Python 2 writes.
  private mutating func pushOrderedDict(
    _ values: [PickleValue], _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    var entries: [PickleValue] = []
    if let pairs = values.first {
      guard values.count == 1, let list = pairs.node, graph.nodes[list].kind == .list else {
        throw .malformed(
          "an OrderedDict is made of something else than pairs", at: instruction.offset)
      }
      // A list may be named by many calls: what it grows to counts before it grows.
      let growth = Int(graph.nodes[list].count) * 2 * MemoryLayout<PickleValue>.stride
      guard graph.byteCount + growth <= limits.graphByteCount else {
        throw CheckpointError(
          .unsupported, "the pickle expands to more items than a file of its size may have",
          offset: instruction.offset)
      }
      for pair in graph.allParts(of: list) {
        guard isSequence(pair), let node = pair.node, graph.nodes[node].count == 2 else {
          throw .malformed(
            "an OrderedDict is made of something else than pairs", at: instruction.offset)
        }
        entries += graph.allParts(of: node)
      }
    }
    pushGrowing(.dict, instruction, name: AllowedGlobal(.orderedDict))
    try checkEntries(entries[...], instruction)
    graph.grow(graph.nodes.count - 1, by: entries[...])
  }

  private func kind(_ value: PickleValue) -> PickleGraph.Node.Kind? {
    value.node.map { graph.nodes[$0].kind }
  }

  private func isSequence(_ value: PickleValue) -> Bool {
    kind(value) == .list || kind(value) == .tuple
  }

  private func isNumber(_ value: PickleValue) -> Bool {
    switch value.kind {
    case .int, .float, .bigInt: true
    default: false
    }
  }

  private func isNone(_ value: PickleValue) -> Bool {
    if case .none = value.kind { true } else { false }
  }

  private func isFactory(_ value: PickleValue) -> Bool {
    isNone(value) || [.builtinType, .set].contains(value.name?.role)
  }

  private func isBytes(_ value: PickleValue) -> Bool {
    if case .bytes = value.kind { return true }
    guard let node = value.node, graph.nodes[node].kind == .call else { return false }
    return [.encode, .bytes].contains(graph.nodes[node].name.role)
  }

  private func isLatin1(_ value: PickleValue) -> Bool {
    graph.isText(value, "latin1") || graph.isText(value, "latin-1")
  }
}
