// SPDX-License-Identifier: Apache-2.0
package import Tensors

extension PickleMachine {
  /// The size of the pieces in which a pickle is read, in bytes.
  package static let pieceByteCount = 1 << 20

  /// Reads a pickle in pieces, so that only its text and bytes are in memory at the end. The places of
  /// text and bytes in the file are not known then.
  ///
  /// - Parameters:
  ///   - byteCount: the size of the pickle in bytes.
  ///   - pieceByteCount: the size of a piece in bytes, at least 1.
  ///   - read: appends the next bytes, as many as it is asked for.
  /// - Returns: the graph, and the size of the pickle up to its end.
  /// - Throws: what `run` for a pickle in memory throws, and what `read` throws.
  /// - Complexity: O(bytes) in time, without recursion.
  package static func run(
    byteCount: Int, pieceByteCount: Int = pieceByteCount, baseOffset: Int,
    dialect: PickleDialect, limits: PickleLimits,
    read: (inout [UInt8], Int) throws(CheckpointError) -> Void
  ) throws(CheckpointError) -> (graph: PickleGraph, end: Int) {
    var machine = Self(
      graph: PickleGraph(inPiecesFrom: baseOffset, byteCount: byteCount), dialect: dialect,
      limits: limits)
    var piece: [UInt8] = []
    var start = 0
    var wanted = pieceByteCount
    var frame: Int?
    while true {
      let end = start + piece.count
      try read(&piece, min(wanted, byteCount - end))
      let outcome = try machine.follow(
        piece, at: start, frame: frame, isLast: start + piece.count == byteCount)
      if outcome.isComplete { return (machine.graph, start + outcome.byteCount) }
      // An opcode that does not fit is read again with twice as many bytes.
      wanted = outcome.byteCount == 0 ? max(piece.count, pieceByteCount) : pieceByteCount
      piece.removeFirst(outcome.byteCount)
      start += outcome.byteCount
      frame = outcome.frame
    }
  }

  /// Carries out the opcodes of a piece, up to one that it does not have as a whole.
  private mutating func follow(
    _ piece: [UInt8], at start: Int, frame: Int?, isLast: Bool
  ) throws(CheckpointError) -> (byteCount: Int, frame: Int?, isComplete: Bool) {
    var decoder = PickleDecoder(
      piece.span.rawBytes, baseOffset: graph.baseOffset + start, frame: frame)
    var count = 0
    while true {
      let instruction: PickleInstruction
      do throws(CheckpointError) {
        instruction = try decoder.next()
      } catch {
        guard error.code == .truncated, !isLast else { throw error }
        return (decoder.position, decoder.frame, false)
      }
      if instruction.opcode == .stop {
        try stop(instruction)
        return (decoder.position, nil, true)
      }
      let kept = graph.source.count
      try carryOut(keeping(instruction, of: piece))
      if !instruction.opcode.keepsBytes { graph.drop(from: kept) }
      count += 1
      if count & 0xFFF == 0 { try checkBudget(at: instruction) }
    }
  }

  /// The instruction with the places that its bytes have in the graph.
  private mutating func keeping(
    _ instruction: PickleInstruction, of piece: [UInt8]
  ) -> PickleInstruction {
    let argument: PickleInstruction.Argument
    switch instruction.argument {
    case .none, .integer, .double: return instruction
    case .bytes(let range): argument = .bytes(graph.keep(piece[range]))
    case .names(let module, let name):
      argument = .names(module: graph.keep(piece[module]), name: graph.keep(piece[name]))
    }
    return PickleInstruction(
      offset: instruction.offset, opcode: instruction.opcode, argument: argument)
  }
}

extension Opcode {
  /// Whether what the opcode makes is a range of bytes, unlike numbers, names and places in the memo.
  fileprivate var keepsBytes: Bool {
    switch self {
    case .long1, .long4, .int, .long, .float, .get, .put, .global, .inst: false
    default: true
    }
  }
}
