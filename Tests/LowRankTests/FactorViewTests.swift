// SPDX-License-Identifier: Apache-2.0
import Archives
import Kernels
import LowRank
import Checkpoints
import Tensors
import TestSupport
import Testing

@Suite("Views of factors (U27)")
struct FactorViewTests {
  /// An archive with a tensor of the elements 0, 1, 2, …
  private static func archive(
    _ shape: [UInt64], in directory: TemporaryDirectory
  ) throws -> any TensorArchive {
    let count = Int(shape.reduce(1, *))
    let file = RawSafeTensors([
      .init("first", [3], floats: [7, 8, 9]),
      .init("x", shape, floats: (0..<count).map { Float($0) }),
    ])
    return try Checkpoint.open(path: directory.write(file.encoded(), to: "x.safetensors"))
  }

  private static func view(
    _ shape: [UInt64], in directory: TemporaryDirectory
  ) throws -> FactorView {
    let archive = try archive(shape, in: directory)
    return try FactorView(archive, at: #require(archive.index(of: "x")))
  }

  @Test("transposes, permutations, ranges and reshapes are those of the elements")
  func shapes() throws {
    let directory = try TemporaryDirectory()
    let view = try Self.view([2, 3], in: directory)
    #expect(try view.values(in: .float32) == [0, 1, 2, 3, 4, 5])
    #expect(try view.transposed().values(in: .float32) == [0, 3, 1, 4, 2, 5])
    #expect(try view.transposed().subrange(axis: 0, 1..<3).values(in: .float64) == [1, 4, 2, 5])
    #expect(try view.reshaped([3, 2]).transposed().values(in: .float32) == [0, 2, 4, 1, 3, 5])
    #expect(try view.subrange(axis: 1, 1..<1).values(in: .float32) == [])
    #expect(try view.reshaped([1, 6, 1]).values(in: .float32) == [0, 1, 2, 3, 4, 5])
    #expect(try view.reshaped([6]).sizes == [6])
  }

  @Test("factors of experts: A by blocks, B with the expert fastest")
  func experts() throws {
    let directory = try TemporaryDirectory()
    let b = try Self.view([2, 6], in: directory).reshaped([2, 2, 3]).permuted([2, 0, 1])
    #expect(b.sizes == [3, 2, 2])
    #expect(try b.values(in: .float32) == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
    // Heads of rotary weights: [heads, 2, d / 2, r] with the two inner dimensions exchanged.
    let q = try Self.view([8, 1], in: directory).reshaped([2, 2, 2, 1]).permuted([0, 2, 1, 3])
    #expect(try q.values(in: .float32) == [0, 2, 1, 3, 4, 6, 5, 7])
  }

  @Test("reshapes that no strides give, and ranges outside, are refused")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let view = try Self.view([4, 6], in: directory)
    for sizes in [[5, 5], [24, 2], [-4, -6], [Int.max, 2]] {
      #expect(throws: CheckpointError.self) { try view.reshaped(sizes) }
    }
    #expect(throws: CheckpointError.self) { try view.transposed().reshaped([24]) }
    #expect(throws: CheckpointError.self) { try view.transposed().reshaped([4, 6]) }
    #expect(try view.transposed().reshaped([2, 3, 4]).sizes == [2, 3, 4])
    for range in [0..<7, -1..<2, 5..<9] {
      #expect(throws: CheckpointError.self) { try view.subrange(axis: 1, range) }
    }
  }
}
