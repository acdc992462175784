// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension PickleMachine {
  mutating func pushNumber(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch instruction.argument {
    case .integer(let value):
      stack.append(.int(value))
    case .double(let value):
      stack.append(.float(value))
    case .bytes(let range) where instruction.opcode == .long1 || instruction.opcode == .long4:
      graph.lastNumber = range
      push(PickleNumber(littleEndian: graph.bytes(range)))
    case .bytes(let range):
      let line = String(decoding: graph.bytes(range), as: UTF8.self)
      graph.lastNumber = range
      guard let number = PickleNumber(line, instruction.opcode) else {
        throw .malformed("\"\(line.excerpt)\" is not a number", at: instruction.offset)
      }
      push(number)
    default:
      break
    }
  }

  private mutating func push(_ number: PickleNumber) {
    switch number {
    case .boolean(let value): stack.append(.bool(value))
    case .integer(let value): stack.append(.int(value))
    case .bigInteger: stack.append(.bigInt)
    case .float(let value): stack.append(.float(value))
    }
  }

  mutating func pushText(_ instruction: PickleInstruction) throws(CheckpointError) {
    guard case .bytes(let range) = instruction.argument else { return }
    let bytes = graph.bytes(range)
    switch instruction.opcode {
    case .binBytes, .shortBinBytes, .binBytes8:
      stack.append(.bytes(range))
    case .byteArray8:
      pushCall(AllowedGlobal(.byteArray), .bytes(range), instruction)
    case .unicode:
      guard PickleText.unescaped(bytes) != nil else {
        throw .malformed("a text has a damaged escape", at: instruction.offset)
      }
      stack.append(.escapedText(range))
    case .string:
      try pushQuoted(range, instruction)
    case .binString, .shortBinString:
      // A str of Python 2 is text if it is UTF-8, else bytes.
      stack.append(PickleText.isUTF8(bytes) ? .text(range) : .bytes(range))
    default:
      guard PickleText.isUTF8(bytes) else {
        throw .malformed("a text is not valid UTF-8", at: instruction.offset)
      }
      stack.append(.text(range))
    }
  }

  /// Pushes a str of Python 2, in quotes.
  private mutating func pushQuoted(
    _ range: Range<Int>, _ instruction: PickleInstruction
  ) throws(CheckpointError) {
    let bytes = graph.bytes(range)
    guard PickleText.isQuoted(bytes), let quote = bytes.first else {
      throw .malformed("a text has no quotes", at: instruction.offset)
    }
    let inner = range.lowerBound + 1..<range.upperBound - 1
    let isPlain = graph.bytes(inner).allSatisfy {
      (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") && $0 != quote
    }
    guard isPlain else {
      throw CheckpointError(
        .unsupported, "a text of Python 2 with escapes is not supported", offset: instruction.offset
      )
    }
    stack.append(.text(inner))
  }
}

extension PickleMachine {
  mutating func remember(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch instruction.opcode {
    case .memoize:
      memo.append(try top(instruction))
    case .put, .binPut, .longBinPut:
      let slot = try slot(instruction)
      let value = try top(instruction)
      if memo.count == 0, slot == 1 { memoStart = 1 }
      guard slot == memoStart + memo.count else {
        throw .malformed(
          "memo slot \(slot) is out of range: \(memoStart + memo.count) is the next to fill",
          at: instruction.offset)
      }
      memo.append(value)
    default:
      let slot = try slot(instruction)
      guard slot >= memoStart, slot - memoStart < memo.count else {
        throw .malformed(
          "memo slot \(slot) is out of range: \(memo.count) are filled", at: instruction.offset)
      }
      stack.append(memo[slot - memoStart])
    }
  }

  @inline(__always)
  private func slot(_ instruction: PickleInstruction) throws(CheckpointError) -> Int {
    switch instruction.argument {
    case .integer(let slot):
      return slot
    case .bytes(let range):
      let line = String(decoding: graph.bytes(range), as: UTF8.self)
      if let slot = Int(line), slot >= 0 { return slot }
      throw .malformed("\"\(line.excerpt)\" is not a memo slot", at: instruction.offset)
    default:
      return 0
    }
  }
}
