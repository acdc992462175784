// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Conversion
import Files
import Foundation
import Kernels
import Tensors
import TestSupport
import Testing

@Suite("Comparison of checkpoints")
struct CheckpointComparisonTests {
  @Test("tensors are added, removed, changed or the same, sorted by name (L28)")
  func lists() throws {
    let directory = try TemporaryDirectory()
    let left = try directory.archive(
      "a.safetensors",
      [
        .init("same", [2], floats: [1, 2]), .init("é", [1], floats: [1]),
        .init("z", [1], floats: [1]), .init("b", [2, 2], floats: [1, 2, 3, 4]),
        .init("dtype", [1], floats: [1]), .init("shape", [4], floats: [1, 2, 3, 4]),
      ])
    let right = try directory.archive(
      "b.safetensors",
      [
        .init("shape", [2, 2], floats: [1, 2, 3, 4]), .init("dtype", "I32", [1], [0, 0, 128, 63]),
        .init("b", [2, 2], floats: [1, 2, 3, 5]), .init("y", [1], floats: [1]),
        .init("e\u{301}", [1], floats: [1]), .init("same", [2], floats: [1, 2]),
      ])
    let comparison = try CheckpointComparison(left, right)
    #expect(!comparison.isSame)
    #expect(comparison.sameCount == 1)
    #expect(comparison.removed.map(\.name) == ["z", "é"])
    #expect(comparison.added.map(\.name) == ["e\u{301}", "y"])
    #expect(comparison.changed.map(\.name) == ["b", "dtype", "shape"])
    let elements = try #require(comparison.changed[0].elements)
    #expect(elements.differentCount == 1)
    #expect(elements.largestAbsolute?.value == 1)
    #expect(elements.largestRelative?.value == 0.25)
    #expect(comparison.changed[0].position(of: 3) == [1, 1])
    #expect(comparison.changed[1].elements == nil && comparison.changed[2].elements == nil)

    let mirrored = try CheckpointComparison(right, left)
    #expect(mirrored.added == comparison.removed && mirrored.removed == comparison.added)
    #expect(mirrored.changed.map(\.name) == comparison.changed.map(\.name))
  }

  @Test("positions count the innermost axis first (L30)")
  func positions() throws {
    let directory = try TemporaryDirectory()
    let left = try directory.archive(
      "a.safetensors",
      [.init("x", "U8", [2, 3, 4], Array(0..<24)), .init("scalar", "U8", [], [0])])
    let right = try directory.archive(
      "b.safetensors",
      [.init("x", "U8", [2, 3, 4], Array(1..<25)), .init("scalar", "U8", [], [1])])
    let changes = try CheckpointComparison(left, right).changed
    #expect(changes[0].position(of: 0) == [])
    var index = 0
    for outer in 0..<2 as Range<UInt> {
      for middle in 0..<3 as Range<UInt> {
        for inner in 0..<4 as Range<UInt> {
          #expect(changes[1].position(of: index) == [outer, middle, inner])
          index += 1
        }
      }
    }
  }

  @Test("order and metadata do not count; metadata is told (L28, L29)")
  func metadata() throws {
    let directory = try TemporaryDirectory()
    let tensors: [RawSafeTensors.Tensor] = [
      .init("a", [1], floats: [1]), .init("b", [1], floats: [2]),
    ]
    let left = try directory.archive(
      "a.safetensors", tensors, metadata: ["k": "1", "same": "é", "old": ""])
    let right = try directory.archive(
      "b.safetensors", tensors.reversed(), metadata: ["same": "é", "k": "2", "new": "3"])
    let bare = try directory.archive("c.safetensors", tensors)
    let empty = try directory.archive("d.safetensors", tensors, metadata: [:])
    let comparison = try CheckpointComparison(left, right)
    #expect(comparison.isSame)
    #expect(comparison.metadata.map(\.key) == ["k", "new", "old"])
    #expect(comparison.metadata.map(\.left) == ["1", nil, ""])
    #expect(comparison.metadata.map(\.right) == ["2", "3", nil])
    #expect(try CheckpointComparison(left, bare).metadata.map(\.right) == [nil, nil, nil])
    #expect(try CheckpointComparison(bare, empty).metadata.isEmpty)
  }

  static let written: [String] = {
    let names = (try? files(below: Fixtures.path("torch/written"))) ?? []
    return names.filter { $0.hasSuffix(".bin") }.map { String($0.dropLast(4)) }
  }()

  @Test("torch files are the same as what torch says is in them (L28)", arguments: written)
  func torch(name: String) throws {
    let path = Fixtures.path("torch/written/" + name)
    let torch = try Checkpoint.open(path: path + ".bin")
    let truth = try Checkpoint.open(path: path + ".safetensors")
    for (left, right) in [(torch, truth), (truth, torch), (torch, torch)] {
      let comparison = try CheckpointComparison(left, right)
      #expect(comparison.isSame)
      #expect(comparison.sameCount == torch.tensorCount)
    }
    #expect(try CheckpointComparison(torch, truth).leftSkipped == torch.skipped)
    #expect(try CheckpointComparison(truth, torch).rightSkipped == torch.skipped)
  }

  @Test("a difference is found on whichever side the elements are gathered (L30)")
  func gathered() throws {
    let name = try #require(
      try Self.written.first { name in
        let archive = try Checkpoint.open(path: Fixtures.path("torch/written/\(name).bin"))
        return (0..<archive.tensorCount).contains { archive.location(of: $0).access == .gathered }
      })
    let path = Fixtures.path("torch/written/" + name)
    let torch = try Checkpoint.open(path: path + ".bin")
    var file = try RawSafeTensors(path: path + ".safetensors")
    let index = try #require(
      (0..<torch.tensorCount).first {
        torch.location(of: $0).access == .gathered && torch.tensor(at: $0).byteCount > 0
      })
    let tensor = torch.tensor(at: index).name
    file[tensor.string]?.bytes[0] ^= 1
    let directory = try TemporaryDirectory()
    let changed = try Checkpoint.open(path: directory.write(file.encoded(), to: "a.safetensors"))
    for (left, right) in [(torch, changed), (changed, torch)] {
      let comparison = try CheckpointComparison(left, right)
      #expect(comparison.changed.map(\.name) == [tensor])
      #expect(comparison.changed.first?.elements?.differentCount == 1)
    }
  }

  @Test("a file that has shrunk is an error with its path", arguments: [true, false])
  func shrunk(isLeft: Bool) throws {
    let directory = try TemporaryDirectory()
    let ones = Array(repeating: Float(1), count: 50_000)
    let tensors = [RawSafeTensors.Tensor("x", [50_000], floats: ones)]
    let left = try directory.archive("a.safetensors", tensors)
    let right = try directory.archive("b.safetensors", tensors)
    let path = isLeft ? left.path : right.path
    let size = try bytes(of: path).count
    try #require(FileHandle(forWritingAtPath: path)).truncate(atOffset: UInt64(size - 1))
    let error = #expect(throws: CheckpointError.self) { try CheckpointComparison(left, right) }
    #expect(error?.code == .truncated)
    #expect(error?.path == path)
    #expect(error?.tensor == "x")
  }

  @Test("pieces of large tensors fit together, across dtypes too (L31)")
  func large() throws {
    let directory = try TemporaryDirectory()
    let count = 1_000_003
    let floats = (0..<count).map { Float($0 % 251) }
    var halves = floats.flatMap { littleEndian(UInt16($0.bitPattern >> 16)) }
    let left = try directory.archive("a.safetensors", [.init("x", [UInt64(count)], floats: floats)])
    for place in [0, 500_000, count - 1] {
      var other = floats
      other[place] += 0.5
      let right = try directory.archive(
        "b.safetensors", [.init("x", [UInt64(count)], floats: other)])
      let elements = try CheckpointComparison(left, right).changed.first?.elements
      #expect(elements?.differentCount == 1)
      #expect(elements?.largestAbsolute?.index == place)
    }
    halves[2 * (count - 1)] ^= 1
    let right = try directory.archive(
      "c.safetensors", [.init("x", "BF16", [UInt64(count)], halves)])
    for (a, b) in [(left, right), (right, left)] {
      let elements = try CheckpointComparison(a, b).changed.first?.elements
      #expect(elements?.unequalCount == 1)
      #expect(elements?.largestAbsolute?.index == count - 1)
    }
  }
}
