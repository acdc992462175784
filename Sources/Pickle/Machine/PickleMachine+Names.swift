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
      let text = [module, name].map { String(decoding: graph.bytes($0), as: UTF8.self) }
      throw Self.asking(text.joined(separator: "."), instruction)
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
      _ = try pop(instruction)
      _ = try pop(instruction)
      throw Self.asking(graph.describe(try pop(instruction)), instruction)
    case .obj:
      let start = try popMark(instruction)
      guard start < stack.count else {
        throw .malformed("OBJ finds nothing to work on", at: instruction.offset)
      }
      throw Self.asking(graph.describe(stack[start]), instruction)
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
      stack.append(.name(allowed))
    } else if dialect == .torchScript, AllowedGlobal.isScriptModule(module) {
      stack.append(.name(AllowedGlobal(.scriptClass)))
    } else {
      throw Self.asking(module + "." + name, instruction)
    }
  }

  /// NEWOBJ: an instance of a TorchScript class, which only has attributes.
  private mutating func instantiate(
    _ type: PickleValue, _ arguments: PickleValue, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    guard type.name?.role == .scriptClass else {
      if let role = type.name?.role, role == .tensorClass || role == .parameterClass {
        throw Self.allocating(graph.describe(type), instruction)
      }
      throw Self.asking(graph.describe(type), instruction)
    }
    guard let tuple = graph.tuple(arguments), tuple.count == 0 else {
      throw .malformed("a TorchScript object is made with arguments", at: instruction.offset)
    }
    stack.append(
      .node(
        graph.nodes.append(
          PickleGraph.Node(
            kind: .object, name: AllowedGlobal(.scriptClass), start: 0, offset: place(instruction)))
      ))
  }

  /// BUILD: the attributes of an ordered dict (`_metadata`) or of a TorchScript object.
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
      guard graph.nodes[node].count == 0 else {
        throw .malformed("a TorchScript object gets attributes twice", at: instruction.offset)
      }
      try requirePlain(state, instruction)
      graph.nodes[node].start = UInt32(graph.parts.append(state))
      graph.nodes[node].count = 1
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
