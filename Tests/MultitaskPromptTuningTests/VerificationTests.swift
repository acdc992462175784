// SPDX-License-Identifier: Apache-2.0
import Kernels
import MultitaskPromptTuning
import PEFT
import Tensors
import TestSupport
import Testing
import Verification

@Suite("Verification")
struct VerificationTests {
  @Test("values are compared, not bits (M21)")
  func values() throws {
    let adapter = try SmallAdapter(
      width: 3, columns: [1], rows: [0, .nan, 2], embeddings: [1, 1, 1])
    let verdict = try adapter.verify([-0.0, -.nan, 2])
    #expect(verdict.holds)
    #expect(verdict.report.equalCount == 3)
    #expect(verdict.report.notComparableCount == 0)
  }

  @Test(
    "at rank 1 one step of one value is too much (M22)",
    arguments: [DType.float32, .float64, .bfloat16, .float16])
  func rankOne(dtype: DType) throws {
    let adapter = try SmallAdapter(
      tokens: 2, width: 2, dtype: dtype, columns: [1, 2], rows: [3, 5], embeddings: [1, 1, 1, 1])
    let right = elements([3, 5, 6, 10], dtype)
    #expect(try adapter.verify(right, dtype: dtype).holds)
    var wrong = right
    wrong[wrong.count - dtype.bitCount / 8] += 1
    let verdict = try adapter.verify(wrong, dtype: dtype)
    #expect(!verdict.holds)
    #expect(verdict.offenderCount == 1)
    #expect(verdict.report.equalCount == 3)
    #expect(verdict.report.largestDistance == 1)
    let offender = try #require(verdict.offenders.first)
    #expect(offender.index == 3)
    #expect(offender.computed == 10)
    #expect(offender.reference == MultitaskPromptTuningTests.values(wrong, dtype)[3])
    #expect(offender.reference > 10)
  }

  /// c·r = 1 + 2^-12 exactly four times: p = a = 4 + 2^-10, e = 1.
  private func rankFour(_ dtype: DType) throws -> SmallAdapter {
    try SmallAdapter(
      rank: 4, dtype: dtype, columns: [1, 1, 1, 1],
      rows: [Double](repeating: dtype == .float32 ? 1 + 0x1p-12 : 1, count: 4), embeddings: [1])
  }

  /// The bound of M23 by hand: in F32 δ = 4u·a and u·(p + δ), so about 5u·4 = 20u, that is 2.5 steps of
  /// 8u; in BF16 δ = u·p besides little, and u·p again: 8u, one step of 8u.
  @Test(
    "above rank 1 the bound decides (M23)",
    arguments: [
      (.float32, 2, true), (.float32, -2, true), (.float32, 3, false), (.float32, -3, false),
      (.bfloat16, 1, true), (.bfloat16, 2, false), (.float16, 1, true), (.float16, 2, false),
      (.float64, 2, true), (.float64, 3, false),
    ] as [(DType, Int, Bool)])
  func bound(dtype: DType, steps: Int, holds: Bool) throws {
    let adapter = try rankFour(dtype)
    let value = dtype == .float32 ? 4 + 0x1p-10 : 4
    // Steps of the binade from 4 to 8.
    let step: Double =
      switch dtype {
      case .float32: 0x1p-21
      case .float64: 0x1p-50
      case .bfloat16: 0x1p-5
      default: 0x1p-8
      }
    let verdict = try adapter.verify([value + Double(steps) * step], dtype: dtype)
    #expect(verdict.holds == holds)
    #expect(verdict.report.largestDistance == steps.magnitude)
    let share = try #require(verdict.report.largestShare)
    #expect((share <= 1) == holds)
    #expect(verdict.report.ownOffenderCount == 0)
  }

  @Test("cancellation widens the bound: a counts, not p (M23)")
  func cancellation() throws {
    let adapter = try SmallAdapter(rank: 2, columns: [1, -1], rows: [1, 1], embeddings: [1])
    // p = 0 and a = 2: δ is 2u · 2 = 2^-22.
    #expect(try adapter.verify([0x1p-22]).holds)
    #expect(try !adapter.verify([0x1p-21]).holds)
  }

  @Test("subnormal half products have room (M23)")
  func subnormalHalves() throws {
    // p = 2^-26 rounds to 0 or, on the way to it, to the smallest subnormal.
    let adapter = try SmallAdapter(
      rank: 2, dtype: .float16, columns: [0x1p-13, 0x1p-13], rows: [0x1p-14, 0x1p-14],
      embeddings: [1])
    #expect(try adapter.verify([0], dtype: .float16).holds)
    #expect(try adapter.verify([0x1p-24], dtype: .float16).holds)
    #expect(try !adapter.verify([0x1p-22], dtype: .float16).holds)
  }

  @Test(
    "BF16: zero for a subnormal, nowhere else (M24)",
    arguments: [
      (.bfloat16, 0, true), (.bfloat16, 0x1p-131, false), (.float32, 0, false),
    ] as [(DType, Double, Bool)])
  func flushed(dtype: DType, reference: Double, holds: Bool) throws {
    let adapter = try SmallAdapter(
      dtype: dtype, columns: [0x1p-130], rows: [1], embeddings: [1])
    let verdict = try adapter.verify([reference], dtype: dtype)
    #expect(verdict.holds == holds)
    #expect(verdict.report.flushedCount == (holds ? 1 : 0))
  }

  @Test("BF16: a term whose factor is subnormal may be missing above rank 1 (M24)")
  func flushedTerm() throws {
    // p = 2^-127 · 2^100 + 2^-27 = 2^-26; without the first term it is 2^-27.
    let adapter = try SmallAdapter(
      rank: 2, dtype: .bfloat16, columns: [0x1p-127, 0x1p-27], rows: [0x1p100, 1], embeddings: [1])
    let verdict = try adapter.verify([0x1p-27], dtype: .bfloat16)
    #expect(verdict.holds && verdict.report.flushedCount == 1)
    #expect(try !adapter.verify([0x1p-28], dtype: .bfloat16).holds)
  }

  @Test(
    "an infinity where a partial sum may overflow, with its sign (M25)",
    arguments: [(Double.infinity, true), (-.infinity, false), (.nan, false)])
  func overflowed(reference: Double, holds: Bool) throws {
    let adapter = try SmallAdapter(
      rank: 3, columns: [0x1p100, -0x1p100, 0x1p100], rows: [0x1p27, 0x1p27, 0x1p27],
      embeddings: [1])
    #expect(try adapter.verify([0x1p127]).holds)
    let verdict = try adapter.verify([reference])
    #expect(verdict.holds == holds)
    #expect(verdict.report.overflowedCount == (holds ? 1 : 0))
  }

  @Test("what depends on an infinite or NaN factor is not comparable (M26)", arguments: [1, 2])
  func notComparable(rank: Int) throws {
    let zeros = [Double](repeating: 0, count: 2 * (rank - 1))
    let adapter = try SmallAdapter(
      rank: rank, width: 2, columns: [Double](repeating: 1, count: rank),
      rows: [.infinity, 2] + zeros, embeddings: [1, 1])
    let verdict = try adapter.verify([7, 2])
    #expect(verdict.holds)
    #expect(verdict.report.notComparableCount == 1)
    #expect(verdict.report.equalCount == 1)
    #expect(try adapter.verify([.infinity, 2]).report.notComparableCount == 0)
    #expect(try !adapter.verify([7, 3]).holds)
  }

  @Test("a finite factor makes no NaN comparable to a number (M22, M26)")
  func wrongNaN() throws {
    let adapter = try SmallAdapter(columns: [1], rows: [1], embeddings: [1])
    let verdict = try adapter.verify([.nan])
    #expect(!verdict.holds && verdict.report.largestDistance == .max)
  }

  @Test(
    "tolerances replace the rule (M27)",
    arguments: [
      (0, 0, 1, true), (0, 0, 0x1.000002p0, false), (0, 0x1p-23, 0x1.000002p0, true),
      (0x1p-22, 0, 0x1.000002p0, true), (1e-3, 0, 1.002, false), (0, 1, 2.5, false),
      // |computed - reference| ≤ rtol · |reference|: the reference is the one that counts.
      (0.5, 0, 2, true), (0.5, 0, 0.6, false),
      (1, 1, .infinity, false), (1, 1, .nan, false),
    ] as [(Double, Double, Double, Bool)])
  func tolerances(rtol: Double, atol: Double, reference: Double, holds: Bool) throws {
    let adapter = try SmallAdapter(columns: [1], rows: [1], embeddings: [1])
    let verdict = try adapter.verify(
      [reference], rule: .allClose(relative: rtol, absolute: atol))
    #expect(verdict.holds == holds)
    #expect(verdict.offenderCount == (holds ? 0 : 1))
  }

  @Test("equal infinities are close, NaN is close to nothing (M27)")
  func allCloseSpecials() throws {
    let adapter = try SmallAdapter(
      width: 2, columns: [1], rows: [.infinity, .nan], embeddings: [1, 1])
    let verdict = try adapter.verify(
      [.infinity, .nan], rule: .allClose(relative: 1, absolute: 1))
    #expect(!verdict.holds)
    #expect(verdict.offenders.map(\.index) == [1])
    // The figures stay those of the numerics, by which both are equal.
    #expect(verdict.report.equalCount == 2)
    #expect(verdict.report.holds)
  }

  @Test("a reference of real PEFT that is changed by one bit differs there (M22, M27)")
  func perturbedReference() throws {
    let directory = try TemporaryDirectory()
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-causal-lm"))
    var raw = try RawSafeTensors(path: Fixtures.reference("mpt-causal-lm"))
    // Element [1, 2, 3] of [3, 8, 16].
    raw["case5.output"]?.bytes[4 * (8 * 16 + 2 * 16 + 3)] ^= 1
    let path = try directory.write(raw.encoded(misalignment: 1), to: "r.safetensors")
    let file = try ReferenceFile(path: path, layouts: [.taskPrompts])
    for item in file.cases {
      let verdict = try MultitaskPromptVerifier(embedding).verify(item, of: file)
      #expect(verdict.holds == (item.name != "case5"))
      guard let offender = verdict.offenders.first else { continue }
      #expect(verdict.reference.position(of: offender.index) == [1, 2, 3])
      #expect(verdict.offenderCount == 1 && verdict.report.largestDistance == 1)
    }
  }

  @Test("at most eight offenders are named, the first")
  func manyOffenders() throws {
    let adapter = try SmallAdapter(
      width: 20, columns: [1], rows: [Double](repeating: 1, count: 20),
      embeddings: [Double](repeating: 1, count: 20))
    let verdict = try adapter.verify([Double](repeating: 2, count: 20))
    #expect(verdict.offenderCount == 20)
    #expect(verdict.offenders.map(\.index) == Array(0..<8))
  }
}
