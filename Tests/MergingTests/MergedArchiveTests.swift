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
    var output = try AtomicFile(path: path, policy: OutputPolicy(replacesExisting: true))
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

  /// The change of a matrix of four rows and three columns, by LoRA of rank 2 with magnitudes.
  private func doRA(
    _ axis: LowRankProduct.Axis, of base: any TensorArchive
  ) throws -> (merged: MergedArchive, expected: [Double]) {
    let (rows, width) = (4, 3)
    let magnitudes = numbers(axis == .rows ? rows : width, seed: 6)
    let factors = try archive(
      "dora-\(axis)",
      [
        ("a", .float32, [2, width], numbers(2 * width, seed: 4)),
        ("b", .float32, [rows, 2], numbers(rows * 2, seed: 5)),
        ("m", .float32, [magnitudes.count], magnitudes),
      ])
    let term = LowRankProduct.Term(
      left: try view(factors, "b"), right: try view(factors, "a"), scale: 0.5)
    let change = MergedChange(
      .product(LowRankProduct([term], magnitudes: try view(factors, "m"), axis: axis)))
    let index = try #require(base.index(of: "w"))
    let merged = try MergedArchive(
      base,
      merging: [
        try MergedTensor(
          changing: base, at: index,
          regions: [MergedRegion(module: "m", rows: 0..<rows, changes: [change])])
      ])
    let delta = product(
      numbers(rows * 2, seed: 5), numbers(2 * width, seed: 4), rank: 2, scale: 0.5)
    let sums = zip(try values(base, "w"), delta).map(+)
    let expected = sums.indices.map { place in
      let index = axis == .rows ? place / width : place % width
      let squares = sums.indices.reduce(0.0) {
        (axis == .rows ? $1 / width : $1 % width) == index ? $0 + sums[$1] * sums[$1] : $0
      }
      return magnitudes[index] * sums[place] / squares.squareRoot()
    }
    return (merged, expected)
  }

  @Test("DoRA normalizes rows, and columns after a first pass", arguments: [true, false])
  func normalization(isByRow: Bool) throws {
    let axis: LowRankProduct.Axis = isByRow ? .rows : .columns
    let stored = try archive("base", [("w", .float32, [4, 3], numbers(12, seed: 7))])
    // An archive that its file does not have as it is is read as a stream.
    let composed = try ComposedArchive(
      path: stored.path, format: SafeTensorsFormat(),
      tensors: [ComposedTensor("w", try view(stored, "w"), dtype: .float64)])
    for base in [stored, composed] {
      let (merged, expected) = try doRA(axis, of: base)
      let found = try values(merged, "w")
      for (value, exact) in zip(found, expected) {
        #expect(abs(value - exact) <= 1e-6 * max(1, abs(exact)))
      }
      #expect(merged.outcomes.count == 1)
    }
  }

  @Test("several changes round after each, and those of one product once")
  func sequence() throws {
    let base = try archive("base", [("w", .bfloat16, [1, 1], [256])])
    let factors = try archive(
      "factors", [("one", .float32, [1, 1], [1]), ("half", .float32, [1, 1], [0.5])])
    let term = LowRankProduct.Term(
      left: try view(factors, "one"), right: try view(factors, "one"), scale: 0.75)
    let single = MergedChange(.product(LowRankProduct([term])))
    let both = MergedChange(.product(LowRankProduct([term, term])))
    func result(_ changes: [MergedChange]) throws -> (Double, [ChangeOutcome]) {
      let merged = try MergedArchive(
        base,
        merging: [
          try MergedTensor(
            changing: base, at: 0,
            regions: [MergedRegion(module: "m", rows: 0..<1, changes: changes)])
        ])
      return (try values(merged, "w")[0], merged.outcomes)
    }
    // BF16 has every second number there: 256.75 becomes 256, and 257.5 becomes 258.
    let (lost, outcomes) = try result([single, single])
    #expect(lost == 256 && outcomes.map { $0.survival?.changedCount } == [0, 0])
    let (kept, outcome) = try result([both])
    #expect(kept == 258 && outcome.map { $0.survival?.share } == [2 / 1.5])
  }

  @Test("another change is evaluated, with the roundings that are asked for")
  func evaluation() throws {
    let base = try archive("base", [("w", .bfloat16, [2, 2], [256, 1, 2, 3])])
    func result(
      _ change: WeightChange, _ rounding: MergedChange.Rounding = .once
    ) throws -> [Double] {
      let merged = try MergedArchive(
        base,
        merging: [
          try MergedTensor(
            changing: base, at: 0,
            regions: [
              MergedRegion(
                module: "m", rows: 0..<2,
                changes: [MergedChange(.other { change }, rounding: rounding)])
            ])
        ])
      return try values(merged, "w")
    }
    let addition = BoundedMatrix(rowCount: 2, width: 2, values: [1.003, 0.5, -2, 0])
    // 1.003 is 1 in BF16, and 257 a tie; 257.003 is above it.
    #expect(try result(.addition(.matrix(addition))) == [258, 1.5, 0, 3])
    #expect(try result(.addition(.matrix(addition)), .deltaFirst) == [256, 1.5, 0, 3])
    #expect(
      try result(.scaling([2, 0.5], WeightAxis(stride: 2, count: 2))) == [512, 2, 1, 1.5])
    #expect(throws: CheckpointError.self) {
      try result(.addition(.matrix(BoundedMatrix(rowCount: 1, width: 4, values: [0, 0, 0, 0]))))
    }
  }

  @Test("what does not fit is refused before anything is read")
  func refusals() throws {
    let base = try archive(
      "base", [("w", .bfloat16, [2, 2], [1, 2, 3, 4]), ("n", .int64, [1, 1], [1])])
    let factors = try archive("factors", [("one", .float32, [1, 1], [1])])
    let one = try view(factors, "one")
    let product = MergedChange(
      .product(LowRankProduct([LowRankProduct.Term(left: one, right: one, scale: 1)])))
    func refusal(_ tensor: MergedTensor) -> CheckpointError.Code? {
      do {
        _ = try MergedArchive(base, merging: [tensor])
        return nil
      } catch { return error.code }
    }
    func region(_ rows: Range<Int>, _ changes: MergedChange...) -> [MergedRegion] {
      [MergedRegion(module: "m", rows: rows, changes: changes)]
    }
    let w = try #require(base.index(of: "w")), n = try #require(base.index(of: "n"))
    #expect(
      refusal(try MergedTensor(changing: base, at: w, regions: region(0..<2, product))) == .mismatch
    )
    #expect(refusal(try MergedTensor(changing: base, at: w, regions: region(1..<3))) == .mismatch)
    #expect(
      refusal(try MergedTensor(changing: base, at: w, regions: region(0..<2) + region(1..<2)))
        == .mismatch)
    #expect(refusal(try MergedTensor(changing: base, at: w, width: 3, regions: [])) == .mismatch)
    #expect(
      refusal(try MergedTensor(changing: base, at: n, regions: region(0..<1, product)))
        == .unsupported)
    #expect(
      refusal(
        MergedTensor(
          name: "w", dtype: .bfloat16, shape: [3, 2], source: w, regions: region(2..<3, product)))
        == .mismatch)
    #expect(
      refusal(MergedTensor(name: "x", dtype: .bfloat16, shape: [3, 2], source: nil, regions: []))
        == .mismatch)
    #expect(
      refusal(
        MergedTensor(
          name: "w", dtype: .bfloat16, shape: [2, 2], source: w,
          regions: region(0..<1, MergedChange(.rows([1], try one.reshaped([1, 1]))))))
        == .mismatch)
  }
}
