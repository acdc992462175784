// SPDX-License-Identifier: Apache-2.0
import Archives
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

@testable import DistributedCheckpoint

@Suite("Safetensors files of slices (Q12 to Q16)")
struct SlicesTests {
  private typealias Tensor = RawSafeTensors.Tensor

  /// A file as torch 2.13 writes it for slices at these offsets.
  static func shard(_ tensors: [(RawSafeTensors.Tensor, [Int])]) -> RawSafeTensors {
    let members = tensors.map { "\"\($0.name)\": {\"saved_offsets\": \($1)}" }
    return RawSafeTensors(
      tensors.map(\.0),
      metadata: [
        "DCP_SHARDING_INFO": "{\(members.joined(separator: ", "))}", "DCP_VERSION": "1.0",
        "format": "pt",
      ])
  }

  static func name(_ shard: Int, _ file: Int = 1, of count: Int = 1) -> String {
    func digits(_ number: Int) -> String { String(repeating: "0", count: 4) + "\(number)" }
    return "shard-\(digits(shard))-model-\(digits(file))-of-\(digits(count)).safetensors"
  }

  /// The bytes of a box of a tensor whose bytes are given.
  private static func bytes(
    _ box: TensorBox, of whole: [UInt8], sizes: [Int], elementByteCount: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var counters = box.sizes.map { _ in 0 }
    repeat {
      var place = 0
      for axis in sizes.indices { place = place * sizes[axis] + box.offsets[axis] + counters[axis] }
      bytes += whole[place * elementByteCount..<(place + 1) * elementByteCount]
    } while counters.advance(below: box.sizes)
    return bytes
  }

  @Test("random divisions of random tensors", arguments: 0..<30 as Range<UInt64>)
  func random(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    var shards = (0..<5).map { _ in [(Tensor, [Int])]() }
    var whole: [Tensor] = []
    for number in 0..<4 {
      let sizes = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
        Int.random(in: 1...8, using: &generator)
      }
      let dtype = DType.allCases.filter { $0.byteCount != nil }.randomElement(using: &generator)!
      let size = dtype.byteCount!
      let data = (0..<sizes.reduce(size, *)).map { _ in UInt8.random(in: 0...255, using: &generator)
      }
      whole.append(Tensor("t\(number)", dtype.name, sizes.map(UInt64.init), data))
      for box in Division.random(of: sizes, using: &generator) {
        let part = Tensor(
          "t\(number)", dtype.name, box.sizes.map(UInt64.init),
          Self.bytes(box, of: data, sizes: sizes, elementByteCount: size))
        // A file has one slice of each tensor.
        let free = shards.indices.filter { index in
          !shards[index].contains { $0.0.name == part.name }
        }
        guard let place = free.randomElement(using: &generator) else {
          shards.append([(part, box.offsets)])
          continue
        }
        shards[place].append((part, box.offsets))
      }
    }
    for (index, tensors) in shards.enumerated() where !tensors.isEmpty {
      try directory.write(Self.shard(tensors).encoded(), to: Self.name(index + 1))
    }
    let expected = try TemporaryDirectory()
    let path = try expected.write(RawSafeTensors(whole).encoded(), to: "whole.safetensors")
    let archive = try #require(try DistributedDirectory.open(existing: directory.path))
    #expect(archive.variant == .safeTensorsDistributed)
    #expect(archive.metadata == ["format": "pt"])
    try expectSame(archive, SafeTensorsFile(path: path))
  }

  @Test("columns of a tensor of several blocks")
  func largeColumns() throws {
    let directory = try TemporaryDirectory()
    let (rows, columns) = (1500, 1201)
    let values = (0..<rows * columns).map { Float($0) }
    var start = 0
    for (number, width) in [400, 1, 800].enumerated() {
      let part = (0..<rows).flatMap { row in
        values[row * columns + start..<row * columns + start + width]
      }
      let tensor = RawSafeTensors.Tensor(
        "x", [UInt64(rows), UInt64(width)], floats: part)
      try directory.write(
        Self.shard([(tensor, [0, start])]).encoded(), to: Self.name(number + 1))
      start += width
    }
    let archive = try #require(try DistributedDirectory.open(existing: directory.path))
    let expected = values.flatMap { littleEndian($0.bitPattern) }
    #expect(try archive.bytes(of: "x") == expected)
  }

  @Test("what torch saved is what it was made of")
  func real() throws {
    let archive = try #require(
      try DistributedDirectory.open(existing: Fixtures.path("distributed/slices")))
    try expectSame(archive, SafeTensorsFile(path: Fixtures.path("distributed/slices.safetensors")))
  }

  @Test(
    "sets that are not complete, or contradict themselves",
    arguments: [
      ([[0], [3]], "no shard has the elements [2..<3]", "x"),
      ([[0], [1]], "several shards with the same elements, [1..<2]", "x"),
      ([[0], [-1]], "has no offsets", "x"), ([[0], [2, 0]], "has no offsets", "x"),
    ] as [([[Int]], String, TensorName)])
  func refused(offsets: [[Int]], reason: String, tensor: TensorName) throws {
    let directory = try TemporaryDirectory()
    for (index, offset) in offsets.enumerated() {
      try directory.write(
        Self.shard([(Tensor("x", "U8", [2], [1, 2]), offset)]).encoded(),
        to: Self.name(index + 1))
    }
    let error = failure { () throws(CheckpointError) in
      _ = try DistributedDirectory.open(existing: directory.path)
    }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "no error")")
    #expect(error?.tensor == tensor)
  }

  @Test("slices of different dtypes, and a file of the model without shards")
  func mismatches() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      Self.shard([(Tensor("x", "U8", [2], [1, 2]), [0])]).encoded(), to: Self.name(1))
    try directory.write(
      Self.shard([(Tensor("x", "I8", [2], [1, 2]), [2])]).encoded(), to: Self.name(2))
    let open = { () throws(CheckpointError) in
      _ = try DistributedDirectory.open(existing: directory.path)
    }
    #expect(failure(open)?.code == .mismatch)
    try directory.write(
      Self.shard([(Tensor("y", "I8", [2], [1, 2]), [0])]).encoded(), to: Self.name(2, 2, of: 3))
    #expect(failure(open)?.code == .missing)
  }

  @Test(
    "the name of a file tells of slices (Q12)",
    arguments: [
      ("shard-00001-model-00001-of-00001.safetensors", true), ("model.safetensors", false),
      ("model-00001-of-00002.safetensors", false), ("shard-x-model-1-of-1.safetensors", false),
    ])
  func shardNames(name: String, isShard: Bool) throws {
    let directory = try TemporaryDirectory()
    let file = Self.shard([(Tensor("y", "U8", [1, 1], [1]), [0, 0])])
    let path = try directory.write(file.encoded(), to: name)
    #expect((CheckpointPart(try SafeTensorsFile(path: path)) != nil) == isShard)
    let plain = try directory.write(
      RawSafeTensors([Tensor("y", "U8", [1], [1])]).encoded(), to: name)
    #expect(CheckpointPart(try SafeTensorsFile(path: plain)) == nil)
  }
}
