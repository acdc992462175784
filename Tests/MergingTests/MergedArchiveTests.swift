// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Kernels
import LowRank
import Merging
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("merged archives") struct MergedArchiveTests {
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// A safetensors file of tensors with given values.
  private func archive(
    _ name: String, _ tensors: [(String, DType, [Int], [Double])]
  ) throws -> any TensorArchive {
    let path = folder.path(name)
    let composed = try ComposedArchive(
      path: path, format: SafeTensorsFormat(),
      tensors: tensors.map { ComposedTensor($0.0, dtype: $0.1, shape: $0.2, values: $0.3) })
    var output = try AtomicFile(path: path, policy: OutputPolicy())
    try SafeTensorsFormat().write(composed, order: nil, path: path, to: &output)
    try output.commit()
    return try Checkpoint.open(path: path)
  }

  private func numbers(_ count: Int, seed: UInt64, scale: Double = 1) -> [Double] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Double(Float(Double(Int64(bitPattern: state)) * 0x1p-63 * scale))
    }
  }

  private func view(_ archive: any TensorArchive, _ name: String) throws -> FactorView {
    try FactorView(archive, at: #require(archive.index(of: TensorName(name))))
  }

  private func values(_ archive: any TensorArchive, _ name: String) throws -> [Double] {
    let index = try #require(archive.index(of: TensorName(name)))
    return try archive.withTensor(at: index) { view in
      let format = FloatFormat(view.dtype)!
      return (0..<view.bytes.byteCount / format.byteCount).map {
        format.value(of: $0, in: view.bytes)
      }
    }
  }

  private func product(_ left: [Double], _ right: [Double], rank: Int, scale: Double) -> [Double] {
    let width = right.count / rank
    return (0..<left.count / rank * width).map { index in
      (0..<rank).reduce(0) { sum, r in
        sum + scale * left[index / width * rank + r] * right[r * width + index % width]
      }
    }
  }

  @Test(
    "a low-rank update is added and rounded once",
    arguments: [
      DType.float32, .bfloat16, .float16, .float64,
    ])
  func plain(dtype: DType) throws {
    let (rows, width, rank) = (37, 29, 5)
    let base = try archive(
      "base",
      [
        ("w", dtype, [rows, width], numbers(rows * width, seed: 1)),
        ("other", .float32, [3], [1, 2, 3]),
      ])
    let factors = try archive(
      "factors",
      [
        ("a", .float32, [rank, width], numbers(rank * width, seed: 2)),
        ("b", .float32, [rows, rank], numbers(rows * rank, seed: 3)),
      ])
    let change = MergedChange(
      .product(
        LowRankProduct([
          LowRankProduct.Term(
            left: try view(factors, "b"), right: try view(factors, "a"), scale: 0.25)
        ])))
    let index = try #require(base.index(of: "w"))
    let merged = try MergedArchive(
      base,
      merging: [
        try MergedTensor(
          changing: base, at: index,
          regions: [MergedRegion(module: "m", rows: 0..<rows, changes: [change])])
      ])
    #expect(merged.outcomes.isEmpty)
    let before = try values(base, "w")
    let delta = product(
      numbers(rows * rank, seed: 3), numbers(rank * width, seed: 2), rank: rank, scale: 0.25)
    let after = try values(merged, "w")
    let format = try #require(FloatFormat(dtype))
    var worst = 0.0
    for place in before.indices {
      let exact = before[place] + delta[place]
      // One rounding to the format, and those of the sum in F32.
      let bound =
        exact.magnitude * 0x1p-1 * unit(format) * 2 + 1e-6 * (dtype == .float64 ? 1e-8 : 1)
      worst = max(worst, (after[place] - exact).magnitude / bound)
    }
    #expect(worst <= 1)
    #expect(try values(merged, "other") == [1, 2, 3])
    let outcome = try #require(merged.outcomes.first)
    #expect(merged.outcomes.count == 1 && outcome.module == "m" && outcome.isFinite)
    let survival = try #require(outcome.survival)
    let squares = delta.reduce(0) { $0 + $1 * $1 }
    #expect(abs(survival.deltaSquares / squares - 1) < 1e-4)
    #expect(survival.elementCount == rows * width)
    let changed = zip(before, after).count { $0 != $1 }
    #expect(survival.changedCount == changed)
    #expect(abs((survival.share ?? 0) - 1) < 0.05)
  }

  private func unit(_ format: FloatFormat) -> Double {
    switch format {
    case .float64: 0x1p-53
    case .float32: 0x1p-24
    case .bfloat16: 0x1p-8
    case .float16: 0x1p-11
    }
  }

  @Test("a merged model is written by a format, with regions, rows and new tensors")
  func regions() throws {
    let base = try archive(
      "base", [("e", .float32, [4, 2], [0, 1, 2, 3, 4, 5, 6, 7]), ("z", .float32, [1], [9])])
    let factors = try archive(
      "factors",
      [
        ("left", .float32, [2, 1], [1, 2]), ("right", .float32, [1, 2], [10, 20]),
        ("rows", .float32, [2, 2], [-1, -2, -3, -4]), ("bias", .bfloat16, [2], [5, 6]),
      ])
    let product = LowRankProduct([
      LowRankProduct.Term(
        left: try view(factors, "left"), right: try view(factors, "right"), scale: 1)
    ])
    let index = try #require(base.index(of: "e"))
    let grown = MergedTensor(
      name: "e", dtype: .float32, shape: [6, 2], source: index,
      regions: [
        MergedRegion(
          module: "new", rows: 4..<6,
          changes: [
            MergedChange(.replacement(try view(factors, "rows"))), MergedChange(.product(product)),
          ]),
        MergedRegion(module: "half", rows: 1..<3, changes: [MergedChange(.product(product))]),
        MergedRegion(
          module: "row", rows: 3..<4,
          changes: [
            MergedChange(.rows([0], try view(factors, "rows").subrange(axis: 0, 1..<2)), adapter: 1)
          ]),
      ])
    let copy = MergedTensor(
      name: "head", dtype: .float32, shape: [4, 2], source: index,
      regions: [
        MergedRegion(module: "head", rows: 0..<2, changes: [MergedChange(.product(product))])
      ]
    )
    let bias = MergedTensor(
      name: "bias", dtype: .float32, shape: [2], source: nil, width: 1,
      regions: [
        MergedRegion(
          module: "bias", rows: 0..<2,
          changes: [MergedChange(.replacement(try view(factors, "bias")))])
      ])
    let merged = try MergedArchive(base, merging: [grown, copy, bias])
    #expect(merged.tensors.map(\.name.string).sorted() == ["bias", "e", "head", "z"])
    let path = folder.path("merged")
    var output = try AtomicFile(path: path, policy: OutputPolicy())
    try SafeTensorsFormat().write(merged, order: nil, path: path, to: &output)
    try output.commit()
    let written = try Checkpoint.open(path: path)
    #expect(
      try values(written, "e") == [0, 1, 12, 23, 24, 45, -3, -4, 9, 18, 17, 36])
    #expect(try values(written, "head") == [10, 21, 22, 43, 4, 5, 6, 7])
    #expect(try values(written, "bias") == [5, 6])
    #expect(try values(written, "z") == [9])
    #expect(merged.outcomes.map(\.module) == ["half", "row", "new", "new", "head", "bias"])
    #expect(merged.outcomes.map(\.adapter) == [0, 1, 0, 0, 0, 0])
    #expect(merged.outcomes.map { $0.survival == nil } == [false, true, true, false, false, true])
  }
}
