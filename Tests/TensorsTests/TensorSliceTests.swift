// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing

@Suite("Slices")
struct TensorSliceTests {
  /// What numpy's basic slicing gives, by its definition: every element in turn.
  private func expected(_ extents: [Int], _ ranges: [Range<Int>]) -> [UInt8] {
    var elements: [[Int]] = [[]]
    for range in ranges { elements = elements.flatMap { prefix in range.map { prefix + [$0] } } }
    return elements.map { place in
      UInt8(zip(place, extents).reduce(0) { $0 * $1.1 + $1.0 })
    }
  }

  @Test(
    "a slice holds the elements that its ranges name, in order",
    arguments: [
      ([4, 5, 6], [0..<4, 0..<5, 0..<6]), ([4, 5, 6], [1..<3, 0..<5, 0..<6]),
      ([4, 5, 6], [1..<3, 2..<4, 0..<6]), ([4, 5, 6], [1..<3, 2..<4, 5..<6]),
      ([4, 5, 6], [0..<4, 0..<5, 2..<3]), ([4, 5, 6], [0..<4, 1..<2, 0..<6]),
      ([4, 5, 6], [2..<2, 0..<5, 0..<6]), ([1, 1, 7], [0..<1, 0..<1, 3..<6]), ([7], [2..<5]),
      ([], []),
    ])
  func elements(extents: [Int], ranges: [Range<Int>]) throws {
    let bytes = (0..<extents.reduce(1, *)).map { UInt8($0) }
    let tensor = TensorView(dtype: .uint8, shape: Shape(extents), bytes: bytes.span.rawBytes)
    let slice = try TensorSlice(tensor, ranges)
    let (copy, byteCount, shape) = (slice.copied(), slice.byteCount, slice.shape)
    #expect(copy == expected(extents, ranges))
    #expect(byteCount == copy.count)
    #expect(shape == Shape(ranges.map(\.count)))
  }

  @Test("whole inner axes make one run")
  func runs() throws {
    let bytes = [UInt8](repeating: 0, count: 4 * 5 * 6)
    let tensor = TensorView(dtype: .uint8, shape: [4, 5, 6], bytes: bytes.span.rawBytes)
    var runs: [Int] = []
    try TensorSlice(tensor, [1..<3, 0..<5, 0..<6]).forEachRun { runs.append($0.byteCount) }
    #expect(runs == [60])
  }

  @Test("elements of four bits are cut at whole bytes only")
  func subByte() throws {
    let bytes: [UInt8] = [0x10, 0x32, 0x54, 0x76]
    let tensor = TensorView(dtype: .float4E2M1, shape: [2, 4], bytes: bytes.span.rawBytes)
    let copy = try TensorSlice(tensor, [0..<2, 2..<4]).copied()
    #expect(copy == [0x32, 0x76])
    #expect(throws: CheckpointError.self) { _ = try TensorSlice(tensor, [0..<2, 1..<3]) }
  }

  @Test("ranges outside the tensor are refused", arguments: [[0..<3], [0..<2, 0..<2], [-1..<1]])
  func outside(ranges: [Range<Int>]) throws {
    let bytes: [UInt8] = [1, 2]
    #expect(throws: CheckpointError.self) {
      _ = try TensorSlice(
        TensorView(dtype: .uint8, shape: [2], bytes: bytes.span.rawBytes), ranges)
    }
  }
}
