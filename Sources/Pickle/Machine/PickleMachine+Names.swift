// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension PickleMachine {
  /// GLOBAL and the other opcodes that import a name.
  mutating func name(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch instruction.opcode {
    case .global:
      guard case .names(let module, let name) = instruction.argument else { return }
      try push(graph.bytes(module), graph.bytes(name), instruction)
    case .inst:
      guard case .names(let module, let name) = instruction.argument else { return }
      let start = try popMark(instruction)
      try pushTuple(from: start, instruction)
      try push(graph.bytes(module), graph.bytes(name), instruction)
      let type = try pop(instruction)
      try pushInert(type, try pop(instruction), instruction)
    case .stackGlobal:
      let name = try pop(instruction)
      let module = try pop(instruction)
      guard let module = graph.string(module), let name = graph.string(name) else {
        throw .malformed("STACK_GLOBAL finds no names", at: instruction.offset)
      }
      try push(Array(module.utf8)[...], Array(name.utf8)[...], instruction)
    case .newObj:
      let arguments = try pop(instruction)
      try instantiate(try pop(instruction), arguments, instruction)
    case .newObjEx:
      let keywords = try pop(instruction)
      let arguments = try pop(instruction)
      try pushInert(try pop(instruction), arguments, keywords: keywords, instruction)
    case .obj:
      let start = try popMark(instruction)
      guard start < stack.count else {
        throw .malformed("OBJ finds nothing to work on", at: instruction.offset)
      }
      try pushTuple(from: start + 1, instruction)
      let arguments = stack.removeLast()
      try pushInert(stack.removeLast(), arguments, instruction)
    default:
      guard case .integer(let code) = instruction.argument else { return }
      throw Self.asking("whatever it has registered as extension \(code)", instruction)
    }
  }

  private mutating func push(
    _ module: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    guard
      let module = String(utf8: module.span),
      let name = String(utf8: name.span)
    else {
      throw .malformed("a name is not valid UTF-8", at: instruction.offset)
    }
    if dialect.hasGlobals, let allowed = AllowedGlobal.named(module: module, name: name) {
      let qualified = QualifiedName(module: module, name: name)
      if graph.weightsOnlyRefusal == nil, !WeightsOnly.takes(allowed, qualified) {
        graph.weightsOnlyRefusal = qualified.description
      }
      stack.append(.name(allowed))
    } else if dialect == .torchScript, AllowedGlobal.isScriptModule(module) {
      stack.append(.name(AllowedGlobal(.scriptClass)))
    } else {
      let name = QualifiedName(module: module, name: name)
      try request(Self.asking(name.description, instruction))
      let index = graph.foreignIndex(of: name)
      stack.append(.foreign(index))
    }
  }

  /// Notes a request for code, so that a strict reader can refuse the pickle.
  ///
  /// - Throws: the error, in a dialect without inert names.
  mutating func request(
    _ error: @autoclosure () -> CheckpointError
  ) throws(CheckpointError) {
    guard dialect.hasInertNames else { throw error() }
    if graph.codeRequest == nil { graph.codeRequest = error() }
  }

  /// Pushes what the call of a name outside the table would give, or of a class that the table allows
  /// in another role only.
  ///
  /// - Throws: `unsupported` for a call of data, `malformed` for a call that only allocates.
  mutating func pushInert(
    _ callee: PickleValue, _ arguments: PickleValue, keywords: PickleValue = .none,
    _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    switch callee.name?.role {
    case .tensorClass, .storageClass, .untypedStorage:
      throw Self.allocating(graph.describe(callee), instruction)
    case .parameterClass where instruction.opcode != .reduce:
      throw Self.allocating(graph.describe(callee), instruction)
    case nil where !graph.isInert(callee):
      throw Self.asking(graph.describe(callee), instruction)
    default:
      let what = graph.describe(callee)
      try request(Self.asking(what, instruction))
      if let name = callee.name { _ = graph.foreignIndex(of: name.qualifiedName) }
      pushObject(callee, arguments, keywords: keywords, isInert: true, instruction)
    }
  }

  /// Pushes an object.
  ///
  /// - Parameter isInert: whether the table does not allow what makes the object; false leaves it to
  ///   the table.
  mutating func pushObject(
    _ callee: PickleValue, _ arguments: PickleValue, keywords: PickleValue = .none,
    isInert: Bool = false, _ instruction: PickleInstruction
  ) {
    var name = AllowedGlobal(.inert)
    if !isInert, let allowed = callee.name, allowed.makesObjects { name = allowed }
    let start = graph.parts.append(callee)
    graph.parts.append(arguments)
    graph.parts.append(keywords)
    for _ in 3..<PickledObject.Slot.allCases.count { graph.parts.append(.none) }
    let node = graph.nodes.append(
      PickleGraph.Node(
        kind: .object, name: name, start: UInt32(start),
        count: UInt32(PickledObject.Slot.allCases.count), offset: place(instruction)))
    if name.role == .arrayFromBuffer { graph.arrayNodes.append(UInt32(node)) }
    stack.append(.node(node))
  }

  /// NEWOBJ: an instance of a class, which gets its attributes afterwards.
  private mutating func instantiate(
    _ type: PickleValue, _ arguments: PickleValue, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    switch type.name?.role {
    case .scriptClass:
      guard let tuple = graph.tuple(arguments), tuple.count == 0 else {
        throw .malformed("a TorchScript object is made with arguments", at: instruction.offset)
      }
      pushObject(type, .none, instruction)
    case .valueClass, .namespaceClass:
      if let rule = type.name?.call, rule.mismatch(of: arguments, in: graph) == nil {
        pushObject(type, arguments, instruction)
      } else {
        try pushInert(type, arguments, instruction)
      }
    default: try pushInert(type, arguments, instruction)
    }
  }

  /// BUILD: the attributes of an ordered dict (`_metadata`), or the state of an object.
  mutating func build(_ instruction: PickleInstruction) throws(CheckpointError) {
    let state = try pop(instruction)
    let target = try top(instruction)
    guard let node = target.node else {
      throw Self.asking("the __setstate__ of \(graph.article(target))", instruction)
    }
    switch graph.nodes[node].kind {
    case .dict where graph.nodes[node].name.role == .orderedDict:
      guard graph.type(of: state) == .dictionary else {
        throw .malformed("the attributes of an OrderedDict are not a dict", at: instruction.offset)
      }
      guard graph.hasPlainKeys(dictionary: state) else {
        throw Self.asking("what the special attributes of an OrderedDict do", instruction)
      }
      graph.states.append(state)
    case .object:
      let name = graph.nodes[node].name
      guard !graph.nodes[node].flags.contains(.hasState) else {
        throw .malformed("an object gets its state twice", at: instruction.offset)
      }
      try requirePlain(state, instruction)
      if name.role != .inert, !name.accepts(state, of: target, in: graph) {
        throw Self.asking("the __setstate__ of \(graph.article(target))", instruction)
      }
      let slot = Int(graph.nodes[node].start) + PickledObject.Slot.state.rawValue
      graph.parts[slot] = state
      graph.nodes[node].flags.insert(.hasState)
      if name.role == .arrayReconstructor { graph.arrayNodes.append(UInt32(node)) }
    case .call where graph.nodes[node].name.state?.accepts(state, in: graph) == true:
      break
    default:
      throw Self.asking("the __setstate__ of \(graph.article(target))", instruction)
    }
  }

  /// The error for a pickle that asks Python to run code.
  @inline(never)
  static func asking(_ what: String, _ instruction: PickleInstruction) -> CheckpointError {
    CheckpointError(
      .unsupported, "asks Python to run \(what.excerpt); nothing was executed",
      offset: instruction.offset,
      hint: "such a file can do anything when Python loads it; look for a safetensors version")
  }

  /// The error for a constructor that would allocate memory without data from the file.
  @inline(never)
  static func allocating(_ what: String, _ instruction: PickleInstruction) -> CheckpointError {
    CheckpointError(
      .malformed, "asks for a new \(what), for which there is no data in the file",
      offset: instruction.offset)
  }
}
