// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Tensors
import TestSupport
import Testing

@Suite("Pieces that another thread reads")
struct PieceStreamTests {
  private static func read(
    _ count: Int, _ sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    for index in 0..<count {
      let piece = [UInt8](repeating: UInt8(index % 256), count: index % 7 + 1)
      try sink(piece.span.rawBytes)
    }
  }

  @Test("they come in order, and all of them", arguments: [0, 1, 2, 3, 500])
  func order(count: Int) throws {
    var expected: [[UInt8]] = []
    var found: [[UInt8]] = []
    try Self.read(count) { piece throws(CheckpointError) in
      expected.append(piece.withUnsafeBytes { Array($0) })
    }
    try PieceStream.withPieces({ sink throws(CheckpointError) in try Self.read(count, sink) }) {
      stream throws(CheckpointError) in
      while let piece = try stream.next() { found.append(piece) }
    }
    #expect(found == expected)
  }

  @Test("what reading throws comes after the pieces before it")
  func failing() throws {
    var count = 0
    let error = failure { () throws(CheckpointError) in
      try PieceStream.withPieces(
        { sink throws(CheckpointError) in
          try Self.read(5, sink)
          throw CheckpointError(.malformed, "bad")
        },
        { stream throws(CheckpointError) in while try stream.next() != nil { count += 1 } })
    }
    #expect(error?.code == .malformed && count == 5)
  }

  @Test("whoever stops taking is not waited for")
  func abandoned() throws {
    let error = failure { () throws(CheckpointError) in
      try PieceStream.withPieces({ sink throws(CheckpointError) in try Self.read(1_000, sink) }) {
        stream throws(CheckpointError) in
        _ = try stream.next()
        throw CheckpointError(.mismatch, "enough")
      }
    }
    #expect(error?.code == .mismatch)
  }
}
