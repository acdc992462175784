// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Kernels
import LowRank
import Tensors
import TestSupport
import Testing

@Suite("Archives of composed tensors (U27)")
struct ComposedArchiveTests {
  private static func source(
    _ tensors: [RawSafeTensors.Tensor], in directory: TemporaryDirectory
  ) throws -> any TensorArchive {
    return try Checkpoint.open(
      path: directory.write(RawSafeTensors(tensors).encoded(), to: "source.safetensors"))
  }

  private static func composed(_ tensors: [ComposedTensor]) throws -> ComposedArchive {
    try ComposedArchive(path: "x", format: CheckpointFormats.standard, tensors: tensors)
  }

  private static func values(of archive: any TensorArchive) throws -> [[Double]] {
    try (0..<archive.tensorCount).map { try FactorView(archive, at: $0).values(in: .float64) }
  }

  @Test("pieces, padding, scaling, casts and constants")
  func compositions() throws {
    let directory = try TemporaryDirectory()
    let archive = try Self.source(
      [
        .init("a", [2, 3], floats: [1, 2, 3, 4, 5, 6]),
        .init("b", [2, 2], floats: [10, 20, 30, 40]),
      ], in: directory)
    let a = try FactorView(archive, at: try #require(archive.index(of: "a")))
    let b = try FactorView(archive, at: try #require(archive.index(of: "b")))
    let result = try Self.composed([
      ComposedTensor("whole", a),
      ComposedTensor("transposed", a.transposed(), dtype: .float64, factor: 0.5),
      // Two factors beside each other on the diagonal.
      ComposedTensor(
        "diagonal", dtype: .float32, shape: [4, 5],
        pieces: [.init(a), .init(b, at: [2, 3], factor: -1)]),
      ComposedTensor("padded", dtype: .bfloat16, shape: [3, 3], pieces: [.init(a, at: [1, 0])]),
      ComposedTensor("alpha", dtype: .int64, shape: [], values: [16]),
      ComposedTensor(
        "halves", dtype: .float32, shape: [6], grid: [3, 2], pieces: [.init(a.transposed())]),
    ])
    let values = try [0, 1, 2, 3, 5].map {
      try FactorView(result, at: $0).values(in: .float64)
    }
    #expect(
      values == [
        [1, 2, 3, 4, 5, 6], [0.5, 2, 1, 2.5, 1.5, 3],
        [1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0, -10, -20, 0, 0, 0, -30, -40],
        [0, 0, 0, 1, 2, 3, 4, 5, 6], [1, 4, 2, 5, 3, 6],
      ])
    let alpha = try result.withTensor(at: 4) { view throws(CheckpointError) in
      (0..<view.bytes.byteCount).map { view.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    #expect(alpha == [16, 0, 0, 0, 0, 0, 0, 0])
    #expect(result.tensor(at: 3).dtype == .bfloat16 && result.tensor(at: 3).byteCount == 18)
  }

  @Test("blocks of large tensors are put together in order")
  func blocks() throws {
    let directory = try TemporaryDirectory()
    let (rows, width) = (1500, 1000)
    let elements = (0..<rows * width).map { Float($0 % 65_521) }
    let archive = try Self.source(
      [.init("a", [UInt64(rows), UInt64(width)], floats: elements)], in: directory)
    let a = try FactorView(archive, at: 0)
    let result = try Self.composed([
      ComposedTensor("t", a.transposed()),
      ComposedTensor(
        "p", dtype: .float32, shape: [width + 3, rows + 7],
        pieces: [.init(a.transposed(), at: [2, 5], factor: 2)]),
    ])
    // Columns of a matrix, a transposed part, and a permutation of three dimensions.
    let parts = [
      try a.subrange(axis: 1, 7..<13), try a.subrange(axis: 1, 7..<13).transposed(),
      try a.reshaped([30, 50, 1000]).permuted([1, 2, 0]),
      try a.reshaped([30, 50, 1000]).permuted([2, 1, 0]),
    ]
    for dtype in [DType.float32, .float64] {
      let archive = try Self.composed(
        parts.enumerated().map { ComposedTensor("\($0)", $1, dtype: dtype) })
      for (index, part) in parts.enumerated() {
        var expected: [Double] = []
        forEachPlace(part.sizes) { place in
          let element = zip(place, part.strides).reduce(part.start) { $0 + $1.0 * $1.1 }
          expected.append(Double(elements[element]))
        }
        let isEqual = try FactorView(archive, at: index).values(in: .float64) == expected
        #expect(isEqual, "\(part.sizes) as \(dtype)")
      }
    }
    let values = try Self.values(of: result)
    var differing = 0
    for row in 0..<width {
      for column in 0..<rows {
        let expected = Double(elements[column * width + row])
        if values[0][row * rows + column] != expected { differing += 1 }
        if values[1][(row + 2) * (rows + 7) + column + 5] != 2 * expected { differing += 1 }
      }
    }
    #expect(differing == 0)
    #expect(values[1].count { $0 != 0 } == values[0].count { $0 != 0 })
  }

  /// Calls a closure with the places of a box in row-major order.
  private func forEachPlace(_ sizes: [Int], _ body: ([Int]) -> Void) {
    var place = sizes.map { _ in 0 }
    while true {
      body(place)
      var axis = sizes.count - 1
      while axis >= 0 {
        place[axis] += 1
        if place[axis] < sizes[axis] { break }
        place[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  @Test("pieces outside, duplicate names and impossible casts are refused")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let archive = try Self.source([.init("a", [2, 3], floats: [1, 2, 3, 4, 5, 6])], in: directory)
    let a = try FactorView(archive, at: 0)
    let wrong: [[ComposedTensor]] = [
      [ComposedTensor("x", a), ComposedTensor("x", a)],
      [ComposedTensor("x", a, shape: [7])],
      [ComposedTensor("x", a, shape: [-2, -3])],
      [ComposedTensor("x", dtype: .float32, shape: [2, 3], pieces: [.init(a, at: [0, 1])])],
      [ComposedTensor("x", dtype: .float32, shape: [2, 3], pieces: [.init(a, at: [-1, 0])])],
      [ComposedTensor("x", dtype: .float32, shape: [6], pieces: [.init(a)])],
      [ComposedTensor("x", a, dtype: .float4E2M1)],
      [ComposedTensor("x", a, dtype: .int8, factor: 2)],
      [ComposedTensor("x", dtype: .float32, shape: [Int.max, Int.max], pieces: [])],
      [ComposedTensor("x", dtype: .float32, shape: [2], values: [1])],
    ]
    for tensors in wrong {
      #expect(throws: CheckpointError.self) { try Self.composed(tensors) }
    }
  }
}
