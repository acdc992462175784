// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// One opcode of a pickle, with its argument and offset.
package struct PickleInstruction: Hashable, Sendable {
  /// The argument after an opcode. Ranges count from the start of the decoder's bytes.
  package enum Argument: Hashable, Sendable {
    case none
    /// A number: a value, a memo slot, a protocol, the length of a frame.
    case integer(Int)
    /// A double.
    case double(Double)
    /// The range of counted bytes, or of a line without its newline.
    case bytes(Range<Int>)
    /// The ranges of a module and a name.
    case names(module: Range<Int>, name: Range<Int>)
  }

  /// The offset of the opcode in the file, or in the record if that is compressed.
  package let offset: Int
  /// The opcode.
  package let opcode: Opcode
  /// The argument after it.
  package let argument: Argument
}

/// Decodes a pickle, one opcode at a time. It has no stack and executes nothing.
///
/// It knows the encoding of each opcode of protocols 0 to 5, but not the meaning. A violation of the
/// encoding throws an error with the byte, and the cursor stays at that opcode.
package struct PickleDecoder: ~Escapable {
  /// The bytes from the first opcode; they may extend beyond the pickle.
  package let bytes: RawSpan
  /// The offset of `bytes` in the file.
  package let baseOffset: Int
  /// The next byte to read, counted from the start of `bytes`.
  package private(set) var position = 0
  /// The end of the frame that contains the cursor.
  private var frameEnd: Int?

  /// The highest protocol.
  package static let highestProtocol = 5

  /// - Parameter frame: the number of bytes that are left of the frame that `bytes` start in.
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, baseOffset: Int = 0, frame: Int? = nil) {
    self.bytes = bytes
    self.baseOffset = baseOffset
    frameEnd = frame
  }

  /// The number of bytes that are left of the frame that contains the cursor.
  package var frame: Int? { frameEnd.map { $0 - position } }

  /// The offset of the cursor in the file.
  package var offset: Int { baseOffset + position }

  /// Decodes the next opcode and its argument.
  ///
  /// - Throws: `truncated` when the bytes end before or inside it; `malformed` for an unknown opcode,
  ///   an impossible length, an unknown protocol, and an argument that crosses the end of a frame.
  package mutating func next() throws(CheckpointError) -> PickleInstruction {
    let start = position
    var cursor = start
    if frameEnd == cursor { frameEnd = nil }
    let code = bytes.byte(at: try take(1, at: &cursor).lowerBound)
    guard let opcode = Opcode(rawValue: code) else {
      throw .malformed(
        "0x\(String(code, radix: 16)) is not a pickle opcode", at: baseOffset + start)
    }
    let argument = try argument(of: opcode, at: &cursor)
    if case .integer(let value) = argument {
      try check(opcode, value, start: start, end: cursor)
    }
    position = cursor
    return PickleInstruction(offset: baseOffset + start, opcode: opcode, argument: argument)
  }

  private func argument(
    of opcode: Opcode, at cursor: inout Int
  ) throws(CheckpointError) -> PickleInstruction.Argument {
    switch opcode.layout {
    case .nothing:
      return .none
    case .unsigned(let width):
      return .integer(try unsigned(width, at: &cursor))
    case .signed4:
      return .integer(Int(Int32(truncatingIfNeeded: try unsigned(4, at: &cursor))))
    case .double:
      let range = try take(8, at: &cursor)
      let bits = range.reduce(UInt64(0)) { $0 << 8 | UInt64(bytes.byte(at: $1)) }
      return .double(Double(bitPattern: bits))
    case .counted(let width):
      let start = cursor
      let count = try unsigned(width, at: &cursor)
      // The lengths of BINSTRING and LONG4 are signed.
      if opcode == .binString || opcode == .long4, count > Int(Int32.max) {
        throw .malformed("\(opcode.name) has a negative length", at: baseOffset + start)
      }
      return .bytes(try take(count, at: &cursor))
    case .line:
      return .bytes(try line(at: &cursor))
    case .twoLines:
      let module = try line(at: &cursor)
      return .names(module: module, name: try line(at: &cursor))
    }
  }

  private mutating func check(
    _ opcode: Opcode, _ value: Int, start: Int, end: Int
  ) throws(CheckpointError) {
    switch opcode {
    case .proto where value > Self.highestProtocol:
      throw .malformed("\(value) is not a pickle protocol", at: baseOffset + start)
    case .frame:
      guard frameEnd == nil else {
        throw .malformed("a frame starts inside another frame", at: baseOffset + start)
      }
      guard value <= bytes.byteCount - end else {
        throw .truncated(need: value, have: bytes.byteCount - end, at: baseOffset + start)
      }
      frameEnd = end + value
    default:
      break
    }
  }

  /// The next `count` bytes, which must be inside the frame and the bytes.
  private func take(_ count: Int, at cursor: inout Int) throws(CheckpointError) -> Range<Int> {
    let left = bytes.byteCount - cursor
    guard count <= left else {
      throw .truncated(need: count, have: left, at: baseOffset + cursor)
    }
    if let frameEnd, count > frameEnd - cursor {
      throw .malformed("an opcode reaches beyond the end of its frame", at: baseOffset + position)
    }
    defer { cursor += count }
    return cursor..<cursor + count
  }

  private func unsigned(_ width: Int, at cursor: inout Int) throws(CheckpointError) -> Int {
    let start = cursor
    let range = try take(width, at: &cursor)
    var value: UInt64 = 0
    var index = range.upperBound
    while index > range.lowerBound {
      index -= 1
      value = value << 8 | UInt64(bytes.byte(at: index))
    }
    guard let value = Int(exactly: value) else {
      throw .malformed("the length \(value) is impossible", at: baseOffset + start)
    }
    return value
  }

  /// The bytes up to the next newline; the cursor moves past it.
  private func line(at cursor: inout Int) throws(CheckpointError) -> Range<Int> {
    let start = cursor
    let limit = frameEnd ?? bytes.byteCount
    var end = start
    while end < limit, bytes.byte(at: end) != UInt8(ascii: "\n") { end += 1 }
    guard end < limit else {
      throw .truncated(need: limit - start + 1, have: limit - start, at: baseOffset + start)
    }
    cursor = end + 1
    return start..<end
  }
}
