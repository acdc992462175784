// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Builds the graph of values that a pickle describes. Nothing is imported, called or set: a name
/// remains a name, and a call becomes a node. What a name outside the table makes is an inert object.
package struct PickleMachine {
  var graph: PickleGraph
  var stack: [PickleValue] = []
  /// The positions of the open marks on the stack.
  var marks: [Int] = []
  var memo = PagedArray<PickleValue>()
  /// The number of the first memo slot: Python 2's cPickle starts at 1.
  var memoStart = 0
  /// The first opcode that no pickler writes for data (POP, DUP). It is refused at the end.
  var oddity: PickleInstruction?
  let dialect: PickleDialect
  let limits: PickleLimits

  /// Reads one pickle.
  ///
  /// - Parameters:
  ///   - source: bytes that contain it.
  ///   - start: its start in them.
  ///   - baseOffset: its offset in the file.
  /// - Returns: the graph, and the size of the pickle in bytes.
  /// - Throws: `truncated` or `malformed` when it is damaged; `unsupported` when it asks for code in a
  ///   dialect without inert names, or in a way that cannot be read as data.
  /// - Complexity: O(bytes) in time and memory, without recursion.
  package static func run(
    _ source: [UInt8], from start: Int = 0, baseOffset: Int, dialect: PickleDialect,
    limits: PickleLimits
  ) throws(CheckpointError) -> (graph: PickleGraph, end: Int) {
    var machine = Self(
      graph: PickleGraph(source: source, sourceStart: start, baseOffset: baseOffset),
      dialect: dialect, limits: limits)
    let bytes = source.span.rawBytes.extracting(start..<source.count)
    guard bytes.byteCount > 0 else { throw .truncated(need: 1, have: 0, at: baseOffset) }
    var decoder = PickleDecoder(bytes, baseOffset: baseOffset)
    var count = 0
    while true {
      let instruction = try decoder.next()
      if instruction.opcode == .stop {
        try machine.stop(instruction)
        return (machine.graph, decoder.position)
      }
      try machine.carryOut(instruction)
      count += 1
      if count & 0xFFF == 0 { try machine.checkBudget(at: instruction) }
    }
  }

  func checkBudget(at instruction: PickleInstruction) throws(CheckpointError) {
    guard graph.byteCount + memo.count * 8 <= limits.graphByteCount else {
      throw CheckpointError(
        .unsupported, "the pickle describes more items than a file of its size may",
        offset: instruction.offset)
    }
    guard stack.count <= limits.stack else {
      throw CheckpointError(
        .unsupported, "the pickle has more than \(limits.stack) items waiting to be used",
        offset: instruction.offset)
    }
  }

  mutating func stop(_ instruction: PickleInstruction) throws(CheckpointError) {
    guard stack.count == 1, marks.isEmpty, let value = stack.first else {
      throw .malformed(
        stack.isEmpty
          ? "the pickle ends without a value"
          : "the pickle ends with \(stack.count - 1) values left over", at: instruction.offset)
    }
    // Python's pickler writes such opcodes for objects that contain themselves.
    if let oddity, graph.codeRequest == nil {
      throw .malformed(
        "the pickle uses \(oddity.opcode.name), which no checkpoint does", at: oddity.offset)
    }
    if dialect != .names { try requirePlain(value, instruction) }
    graph.root = value
  }

  /// The offset of an instruction in the pickle.
  func place(_ instruction: PickleInstruction) -> UInt32 {
    UInt32(instruction.offset - graph.baseOffset)
  }
}

extension PickleMachine {
  /// Executes one opcode on the machine's own stack.
  mutating func carryOut(_ instruction: PickleInstruction) throws(CheckpointError) {
    if !WeightsOnly.takes(instruction.opcode), graph.weightsOnlyRefusal == nil {
      graph.weightsOnlyRefusal = "the opcode \(instruction.opcode.name)"
    }
    switch instruction.opcode {
    case .proto:
      guard instruction.offset == graph.baseOffset else {
        throw .malformed("PROTO is inside the pickle", at: instruction.offset)
      }
    case .frame, .stop:
      break
    case .none: stack.append(.none)
    case .newTrue: stack.append(.bool(true))
    case .newFalse: stack.append(.bool(false))
    case .binInt, .binInt1, .binInt2, .long1, .long4, .int, .long, .binFloat, .float:
      try pushNumber(instruction)
    case .binUnicode, .shortBinUnicode, .binUnicode8, .unicode, .string, .binString,
      .shortBinString, .binBytes, .shortBinBytes, .binBytes8, .byteArray8:
      try pushText(instruction)
    case .mark, .tuple, .tuple1, .tuple2, .tuple3, .emptyTuple, .emptyList, .emptyDict, .emptySet,
      .list, .dict, .frozenSet:
      try pushContainer(instruction)
    case .append, .appends, .setItem, .setItems, .addItems:
      try fill(instruction)
    case .get, .binGet, .longBinGet, .put, .binPut, .longBinPut, .memoize:
      try remember(instruction)
    case .pop, .popMark, .dup:
      try rearrange(instruction)
    case .global, .stackGlobal, .inst, .obj, .newObj, .newObjEx, .ext1, .ext2, .ext4:
      try name(instruction)
    case .reduce: try reduce(instruction)
    case .build: try build(instruction)
    case .binPersID: try refer(instruction)
    case .persID:
      throw .malformed("the pickle uses PERSID, which no checkpoint does", at: instruction.offset)
    case .nextBuffer, .readOnlyBuffer:
      throw CheckpointError(
        .unsupported, "the pickle needs buffers that are not in the file",
        offset: instruction.offset)
    }
  }

  /// Removes the top of the stack, which must be above the last mark.
  mutating func pop(_ instruction: PickleInstruction) throws(CheckpointError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw .malformed(
        "\(instruction.opcode.name) finds nothing to work on", at: instruction.offset)
    }
    return value
  }

  /// The top of the stack.
  @inline(__always)
  func top(_ instruction: PickleInstruction) throws(CheckpointError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw .malformed(
        "\(instruction.opcode.name) finds nothing to work on", at: instruction.offset)
    }
    return value
  }

  /// Closes the last mark, and returns the start of the values above it.
  mutating func popMark(_ instruction: PickleInstruction) throws(CheckpointError) -> Int {
    guard let mark = marks.popLast() else {
      throw .malformed("\(instruction.opcode.name) finds no mark", at: instruction.offset)
    }
    return mark
  }

  private mutating func rearrange(_ instruction: PickleInstruction) throws(CheckpointError) {
    oddity = oddity ?? instruction
    switch instruction.opcode {
    case .dup: stack.append(try top(instruction))
    case .popMark: stack.removeSubrange(try popMark(instruction)...)
    default:
      // POP removes a mark if one is on top.
      if marks.last == stack.count { marks.removeLast() } else { _ = try pop(instruction) }
    }
  }

  private mutating func refer(_ instruction: PickleInstruction) throws(CheckpointError) {
    let id = try pop(instruction)
    let name: AllowedGlobal
    switch dialect {
    case .torch, .torchScript, .torchLegacy:
      // The class of a module, with its source code, in releases before 1.6.
      if let type = StorageID.moduleClass(id, in: graph), graph.qualifiedName(type) != nil {
        try request(StorageID.module(at: instruction.offset))
        return stack.append(type)
      }
      name = AllowedGlobal(.storageClass)
    case .torchTar:
      guard graph.type(of: id) == .text else {
        throw .malformed("a persistent id is not text", at: instruction.offset)
      }
      name = AllowedGlobal(.tensorClass)
    case .plain, .names, .objects:
      throw .malformed("a persistent id does not belong here", at: instruction.offset)
    }
    let part = graph.parts.append(id)
    let node = graph.nodes.append(
      PickleGraph.Node(
        kind: .persistent, name: name, start: UInt32(part), count: 1,
        offset: place(instruction)))
    graph.persistentNodes.append(UInt32(node))
    stack.append(.node(node))
  }
}
