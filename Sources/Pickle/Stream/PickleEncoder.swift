// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Writes a pickle of protocol 2, opcode by opcode, as Python's C pickler does.
package struct PickleEncoder {
  /// The number of a slot in the memo. Objects are numbered in the order in which they are written.
  package typealias MemoIndex = UInt32

  /// The stream so far.
  package private(set) var bytes: [UInt8] = []
  private var memoCount: MemoIndex = 0
  private var globals: [AllowedGlobal: MemoIndex] = [:]
  private var literals: [String: MemoIndex] = [:]

  /// Starts the stream.
  package init() {
    append(.proto)
    bytes.append(2)
  }

  /// Writes an opcode without an argument.
  package mutating func append(_ opcode: Opcode) {
    bytes.append(opcode.rawValue)
  }

  /// Gives the object that was just written the next slot of the memo.
  @discardableResult
  package mutating func memoize() -> MemoIndex {
    defer { memoCount += 1 }
    append(memoCount, short: .binPut, long: .longBinPut)
    return memoCount
  }

  /// Writes a reference to an object that is in the memo.
  package mutating func recall(_ index: MemoIndex) {
    append(index, short: .binGet, long: .longBinGet)
  }

  private mutating func append(_ index: MemoIndex, short: Opcode, long: Opcode) {
    if let index = UInt8(exactly: index) {
      append(short)
      bytes.append(index)
    } else {
      append(long)
      bytes.appendLittleEndian(index)
    }
  }

  /// Writes a class or function: its name the first time, then a reference.
  package mutating func append(_ global: AllowedGlobal) {
    if let index = globals[global] { return recall(index) }
    append(.global)
    let name = global.qualifiedName
    bytes.append(contentsOf: name.module.utf8)
    bytes.append(0x0A)
    bytes.append(contentsOf: name.name.utf8)
    bytes.append(0x0A)
    globals[global] = memoize()
  }

  /// Writes a string that is an object of its own.
  package mutating func append(_ string: String) {
    append(.binUnicode)
    bytes.appendLittleEndian(UInt32(string.utf8.count))
    bytes.append(contentsOf: string.utf8)
    memoize()
  }

  /// Writes a string that is a literal in torch's source. Python has one object for equal literals, so
  /// the second occurrence is a reference.
  package mutating func append(literal: String) {
    if let index = literals[literal] { return recall(index) }
    literals[literal] = memoCount
    append(literal)
  }

  /// Writes a number, in as few bytes as Python does.
  package mutating func append(_ value: Int) {
    if let value = UInt8(exactly: value) {
      append(.binInt1)
      bytes.append(value)
    } else if let value = UInt16(exactly: value) {
      append(.binInt2)
      bytes.appendLittleEndian(value)
    } else if let value = Int32(exactly: value) {
      append(.binInt)
      bytes.appendLittleEndian(value)
    } else {
      // Two's complement, with room for the sign.
      let count = (value.bitWidth - (value < 0 ? ~value : value).leadingZeroBitCount) / 8 + 1
      append(.long1)
      bytes.append(UInt8(count))
      bytes.appendLittleEndian(value, byteCount: count)
    }
  }

  /// Writes a boolean.
  package mutating func append(_ value: Bool) {
    append(value ? .newTrue : .newFalse)
  }

  /// Writes a tuple of numbers; the empty tuple has no slot in the memo.
  package mutating func append(tuple: [Int]) {
    if tuple.count > 3 { append(.mark) }
    for value in tuple { append(value) }
    switch tuple.count {
    case 0: return append(.emptyTuple)
    case 1: append(.tuple1)
    case 2: append(.tuple2)
    case 3: append(.tuple3)
    default: append(.tuple)
    }
    memoize()
  }
}
