// SPDX-License-Identifier: Apache-2.0
import Foundation
import Pickle
import Tensors
import TestSupport
import Testing

@Suite("Pickles that are read in pieces")
struct PiecesTests {
  /// The graph of a pickle in words, or the code of its error.
  private func words(_ read: () throws(CheckpointError) -> (graph: PickleGraph, end: Int)) -> String
  {
    do throws(CheckpointError) {
      let (graph, end) = try read()
      var words = "\(end) \(graph.nodes.count) \(graph.runs.count) \(graph.foreignNames)\n"
      for index in 0..<graph.nodes.count {
        words += "\(graph.nodes[index].kind) \(graph.nodes[index].contents) "
        words += "\(graph.nodes[index].count) at \(graph.nodes[index].offset)\n"
      }
      for index in 0..<graph.parts.count { words += self.words(graph.parts[index], in: graph) }
      return words
    } catch {
      return "\(error.code) at \(error.offset ?? -1)"
    }
  }

  private func words(_ value: PickleValue, in graph: PickleGraph) -> String {
    switch value.kind {
    case .text(let range), .escapedText(let range), .bytes(let range):
      "\(graph.typeName(value)) \(graph.bytes(range))\n"
    default: "\(value.kind)\n"
    }
  }

  private func compare(_ pickle: [UInt8], _ dialect: PickleDialect, _ size: Int) {
    let whole = words { () throws(CheckpointError) in
      try PickleMachine.run(pickle, baseOffset: 3, dialect: dialect, limits: PickleLimits())
    }
    var position = 0
    let pieces = words { () throws(CheckpointError) in
      try PickleMachine.run(
        byteCount: pickle.count, pieceByteCount: size, baseOffset: 3, dialect: dialect,
        limits: PickleLimits()
      ) { bytes, count in
        bytes += pickle[position..<position + count]
        position += count
      }
    }
    #expect(whole == pieces)
  }

  /// Values of every kind, in a list.
  static let mixed: [UInt8] = {
    var bytes: [UInt8] = [0x80, 2, 0x5D, 0x28]
    for number in 0..<300 {
      let text = Array("text \(number)".utf8)
      bytes += [0x58, UInt8(text.count), 0, 0, 0] + text
      bytes += [0x47, 0x3F, 0xE0, 0, 0, 0, 0, 0, UInt8(number & 0xFF)]
      bytes += [0x8A, 2, UInt8(number & 0xFF), 1]
      bytes += Array("I\(number)\nF0.5\nccollections\nOrderedDict\n)R".utf8)
      bytes += Array("cunknown\nname\n)R".utf8) + [0x43, 1, 7]
    }
    return bytes + [0x65, 0x2E]
  }()

  @Test("a graph does not depend on the pieces", arguments: [1, 2, 7, 64, 4096])
  func pieces(size: Int) {
    compare(Self.mixed, .objects, size)
    compare(Self.mixed, .names, size)
    compare(Self.mixed.dropLast(), .objects, size)
    compare(Self.mixed + [1, 2, 3], .objects, size)
  }

  @Test("frames of protocol 4 continue in the next piece", arguments: [1, 5, 16])
  func frames(size: Int) {
    let body: [UInt8] = [0x5D, 0x94, 0x28, 0x4B, 1, 0x8C, 2, 0x61, 0x62, 0x65, 0x2E]
    let count = UInt8(body.count)
    compare([0x80, 4, 0x95, count, 0, 0, 0, 0, 0, 0, 0] + body, .objects, size)
    // The frame ends inside the text.
    compare([0x80, 4, 0x95, count - 5, 0, 0, 0, 0, 0, 0, 0] + body, .objects, size)
  }

  @Test("every bare pickle of the vectors is read or refused alike", arguments: [3, 100])
  func vectors(size: Int) throws {
    let root = Fixtures.projectRoot + "/Tests/CheckpointScanTests/Vectors/"
    let names = try files(below: root).filter { $0.hasSuffix(".pkl") || $0.hasSuffix(".bin") }
    #expect(names.count > 50)
    for name in names { compare(Array(try bytes(of: root + name)), .objects, size) }
  }
}
