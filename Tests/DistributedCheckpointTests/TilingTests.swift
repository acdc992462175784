// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing

@testable import DistributedCheckpoint

@Suite("Boxes that fill a tensor (Q7)")
struct TilingTests {
  static func box(_ offsets: [Int], _ sizes: [Int]) -> TensorBox {
    TensorBox(offsets: offsets, sizes: sizes)
  }

  static let whole = [4, 6]

  @Test(
    "boxes that fill it",
    arguments: [
      ([4, 6], [box([0, 0], [4, 6])]),
      ([4, 6], [box([0, 0], [1, 6]), box([1, 0], [3, 6])]),
      ([4, 6], [box([0, 4], [4, 2]), box([0, 0], [4, 4])]),
      // No grid: like a pinwheel around one element.
      (
        [3, 3],
        [
          box([0, 0], [1, 2]), box([0, 2], [2, 1]), box([2, 1], [1, 2]), box([1, 0], [2, 1]),
          box([1, 1], [1, 1]),
        ]
      ),
      // A process may have nothing.
      ([2], [box([0], [1]), box([1], [1]), box([2], [0]), box([2], [0])]),
      ([], [box([], [])]), ([0, 5], [box([0, 0], [0, 5])]), ([0, 5], []),
    ] as [([Int], [TensorBox])])
  func full(sizes: [Int], boxes: [TensorBox]) throws {
    try Tiling.check(boxes, fill: sizes)
  }

  @Test(
    "boxes that do not",
    arguments: [
      ([4, 6], [box([0, 0], [3, 6])], "no shard has the elements [3..<4, 0..<6]"),
      ([4, 6], [], "no shard has the elements [0..<4, 0..<6]"),
      ([4], [box([0], [3]), box([2], [2])], "several shards with the same elements, [2..<3]"),
      ([4], [box([0], [4]), box([0], [4])], "several shards with the same elements, [0..<4]"),
      ([4], [box([3], [2])], "outside its shape: [3..<5] of [4]"),
      ([4], [box([-1], [5])], "outside its shape"),
      ([4], [box([5], [0])], "outside its shape"),
      ([4], [box([1], [.max])], "outside its shape"),
      ([4], [box([.max], [1])], "outside its shape"),
      ([4], [box([0, 0], [4, 1])], "a shard of 2 dimensions, but 1 itself"),
      ([], [], "no shard has the elements []"),
    ] as [([Int], [TensorBox], String)])
  func notFull(sizes: [Int], boxes: [TensorBox], reason: String) {
    let error = failure { () throws(CheckpointError) in try Tiling.check(boxes, fill: sizes) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "no error")")
  }

  @Test("more edges than any writer makes are refused")
  func tooManyCells() {
    let boxes = (0..<3000).map { Self.box([$0, $0], [1, 1]) }
    let error = failure { () throws(CheckpointError) in
      try Tiling.check(boxes, fill: [3000, 3000])
    }
    #expect(error?.code == .unsupported)
  }

  @Test(
    "random divisions, and the same with one box less or twice", arguments: 0..<40 as Range<UInt64>)
  func random(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let sizes = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
      Int.random(in: 1...9, using: &generator)
    }
    let boxes = Division.random(of: sizes, using: &generator)
    try Tiling.check(boxes.shuffled(using: &generator), fill: sizes)
    let place = Int.random(in: boxes.indices, using: &generator)
    var fewer = boxes
    fewer.remove(at: place)
    #expect(throws: CheckpointError.self) { try Tiling.check(fewer, fill: sizes) }
    #expect(throws: CheckpointError.self) {
      try Tiling.check(boxes + [boxes[place]], fill: sizes)
    }
  }
}

/// Divisions of a tensor into boxes.
enum Division {
  /// Splits a tensor again and again at random places.
  static func random(
    of sizes: [Int], using generator: inout some RandomNumberGenerator
  ) -> [TensorBox] {
    var boxes = [TensorBox(offsets: sizes.map { _ in 0 }, sizes: sizes)]
    for _ in 0..<Int.random(in: 0...12, using: &generator) {
      let place = Int.random(in: boxes.indices, using: &generator)
      let box = boxes[place]
      let axis = Int.random(in: sizes.indices, using: &generator)
      guard box.sizes[axis] > 1 else { continue }
      let cut = Int.random(in: 1..<box.sizes[axis], using: &generator)
      var (first, second) = (box, box)
      first.sizes[axis] = cut
      second.offsets[axis] += cut
      second.sizes[axis] -= cut
      boxes.replaceSubrange(place...place, with: [first, second])
    }
    return boxes
  }
}
