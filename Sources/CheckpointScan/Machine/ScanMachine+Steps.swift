internal import Tensors
internal import Pickle

extension ScanMachine {
  /// Follows one opcode.
  mutating func step(
    _ instruction: PickleInstruction, _ argument: ScanArgument, in bytes: RawSpan
  ) {
    let offset = instruction.offset
    switch instruction.opcode {
    case .proto:
      if case .integer(let version) = argument, pickle.protocolVersion == nil {
        pickle.protocolVersion = version
      }
      if pickle.opcodeCount > 1 { find(.malformed, "PROTO stands inside a pickle", at: offset) }
    case .frame: break
    case .stop: stop(at: offset)
    case .mark: mark()
    case .pop, .popMark, .dup: shuffle(instruction.opcode, at: offset)
    case .none, .newTrue, .newFalse, .binInt, .binInt1, .binInt2, .binFloat, .int, .long, .float,
      .long1, .long4:
      push(number(instruction.opcode, argument, at: offset, in: bytes))
    case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode,
      .binUnicode8, .binBytes, .shortBinBytes, .binBytes8, .byteArray8:
      push(text(instruction.opcode, argument, at: offset, in: bytes))
    case .emptyTuple: push(makeTuple([]))
    case .tuple1: makeTuple(ofTop: 1, at: offset)
    case .tuple2: makeTuple(ofTop: 2, at: offset)
    case .tuple3: makeTuple(ofTop: 3, at: offset)
    case .tuple:
      let items = popToMark(at: offset)
      push(makeTuple(items))
    case .emptyList, .emptyDict, .emptySet, .list, .dict, .frozenSet, .append, .appends, .setItem,
      .setItems, .addItems:
      collect(instruction.opcode, at: offset, in: bytes)
    case .put, .binPut, .longBinPut: memoize(at: slot(argument, in: bytes), offset: offset)
    case .memoize: memoize(at: nil, offset: offset)
    case .get, .binGet, .longBinGet: recall(slot(argument, in: bytes), offset: offset)
    case .global, .stackGlobal, .inst, .ext1, .ext2, .ext4:
      importName(instruction.opcode, argument, at: offset, in: bytes)
    case .reduce, .newObj, .newObjEx, .obj, .build:
      call(instruction.opcode, at: offset, in: bytes)
    case .binPersID: persistentID(at: offset, in: bytes)
    case .persID, .nextBuffer, .readOnlyBuffer:
      find(.malformed, "\(instruction.opcode.name) has no place in a checkpoint", at: offset)
      if instruction.opcode != .readOnlyBuffer { push(.unknown) }
    }
  }

  private mutating func stop(at offset: Int) {
    pickle.isComplete = true
    result = pop(at: offset)
    if !stack.isEmpty || !marks.isEmpty {
      find(.malformed, "leaves values on the stack at its end", at: offset)
    }
    if let result, !surroundings.keepsResult { requireData(result, at: offset) }
  }

  /// The opcodes that no pickler writes for data.
  private mutating func shuffle(_ opcode: Opcode, at offset: Int) {
    find(.malformed, "\(opcode.name) has no place in a checkpoint", at: offset)
    switch opcode {
    case .dup: push(top(at: offset))
    case .popMark: _ = popToMark(at: offset)
    default:
      // POP takes a mark where one is on top.
      if let start = marks.last, start == stack.count {
        marks.removeLast()
      } else {
        _ = pop(at: offset)
      }
    }
  }

  private mutating func number(
    _ opcode: Opcode, _ argument: ScanArgument, at offset: Int, in bytes: RawSpan
  ) -> ScanValue {
    switch (opcode, argument) {
    case (.none, _): return .none
    case (.newTrue, _), (.newFalse, _): return .boolean
    case (_, .integer(let value)): return .integer(value)
    case (.int, .bytes(let range)), (.long, .bytes(let range)):
      var line = String(decoding: bytes.array(range), as: UTF8.self)
      if opcode == .int, line == "00" || line == "01" { return .boolean }
      if opcode == .long, line.utf8.last == UInt8(ascii: "L") { line.removeLast() }
      if let value = Int(line) { return .integer(value) }
      let digits = line.utf8.drop { $0 == UInt8(ascii: "-") }
      if !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) {
        return .bigInteger(ScanText(range, .latin1))
      }
      find(.malformed, "\"\(line)\" is no number", at: offset)
      return .unknown
    case (.long1, .bytes(let range)), (.long4, .bytes(let range)):
      guard range.count <= 8 else { return .bigInteger(ScanText(range, .latin1)) }
      let sign = range.isEmpty || bytes.byte(at: range.upperBound - 1) < 0x80 ? 0 : -1
      return .integer(range.reversed().reduce(sign) { $0 << 8 | Int(bytes.byte(at: $1)) })
    case (.float, .bytes(let range)):
      let line = String(decoding: bytes.array(range), as: UTF8.self)
      if Double(line) == nil { find(.malformed, "\"\(line)\" is no number", at: offset) }
      return .double
    default: return .double
    }
  }

  private mutating func text(
    _ opcode: Opcode, _ argument: ScanArgument, at offset: Int, in bytes: RawSpan
  ) -> ScanValue {
    guard case .bytes(let range) = argument else { return .unknown }
    let isUTF8 = [.binUnicode, .shortBinUnicode, .binUnicode8].contains(opcode)
    if isUTF8, !PickleGraph.isText(bytes.array(range)[...]) {
      find(.malformed, "\(opcode.name) holds bytes that are no text", at: offset)
    }
    return switch opcode {
    case .binBytes, .shortBinBytes, .binBytes8, .byteArray8: .bytes(ScanText(range, .latin1))
    case .string: .text(ScanText(range, .literal))
    case .binString, .shortBinString: .text(ScanText(range, .latin1))
    case .unicode: .text(ScanText(range, .escaped))
    default: .text(ScanText(range, .utf8))
    }
  }

  private func slot(_ argument: ScanArgument, in bytes: RawSpan) -> Int? {
    switch argument {
    case .integer(let index): index
    case .bytes(let range):
      Int(String(decoding: bytes.array(range), as: UTF8.self)).flatMap { $0 < 0 ? nil : $0 }
    default: nil
    }
  }
}
