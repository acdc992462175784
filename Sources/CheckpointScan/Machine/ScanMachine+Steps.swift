// SPDX-License-Identifier: Apache-2.0
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
      if pickle.opcodeCount > 1 { find(.malformed, "PROTO is inside the pickle", at: offset) }
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

  /// Follows an opcode that no pickler writes for data.
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
    case (.long1, .bytes(let range)), (.long4, .bytes(let range)):
      return value(of: PickleNumber(littleEndian: bytes.array(range)[...]), range)
    case (_, .bytes(let range)):
      let line = String(decoding: bytes.array(range), as: UTF8.self)
      guard let number = PickleNumber(line, opcode) else {
        find(.malformed, "\"\(line)\" is not a number", at: offset)
        return opcode == .float ? .double : .unknown
      }
      return value(of: number, range)
    default: return .double
    }
  }

  private func value(of number: PickleNumber, _ range: Range<Int>) -> ScanValue {
    switch number {
    case .boolean: .boolean
    case .integer(let value): .integer(value)
    case .bigInteger: .bigInteger(ScanText(range, .latin1))
    case .float: .double
    }
  }

  private mutating func text(
    _ opcode: Opcode, _ argument: ScanArgument, at offset: Int, in bytes: RawSpan
  ) -> ScanValue {
    guard case .bytes(let range) = argument else { return .unknown }
    switch opcode {
    case .binBytes, .shortBinBytes, .binBytes8: return .bytes(ScanText(range, .latin1))
    case .byteArray8: return .byteArray(ScanText(range, .latin1))
    case .string:
      if !PickleText.isQuoted(bytes.array(range)[...]) {
        find(.malformed, "a text has no quotes", at: offset)
      }
      return .text(ScanText(range, .literal))
    case .binString, .shortBinString:
      // Python 2's str: text if it is UTF-8, else bytes.
      let isText = PickleText.isUTF8(bytes.array(range)[...])
      return isText ? .text(ScanText(range, .utf8)) : .bytes(ScanText(range, .latin1))
    case .unicode:
      if PickleText.unescaped(bytes.array(range)[...]) == nil {
        find(.malformed, "a text has a damaged escape", at: offset)
      }
      return .text(ScanText(range, .escaped))
    default:
      if !PickleText.isUTF8(bytes.array(range)[...]) {
        find(.malformed, "\(opcode.name) holds bytes that are not text", at: offset)
      }
      return .text(ScanText(range, .utf8))
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
