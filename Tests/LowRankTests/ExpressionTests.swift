// SPDX-License-Identifier: Apache-2.0
import Kernels
import LowRank
import Testing

@Suite("Matrix expressions")
struct ExpressionTests {
  private static let a = BoundedMatrix(rowCount: 2, width: 1, values: [1, 2])
  private static let b = BoundedMatrix(rowCount: 1, width: 3, values: [1, 10, 100])

  @Test(
    "rows are those of the whole, however they are divided (U2 to U9)",
    arguments: [
      (.matrix(Self.b), [1, 10, 100]),
      (.product(Self.a, Self.b), [1, 10, 100, 2, 20, 200]),
      (.scaled(.product(Self.a, Self.b), by: -2), [-2, -20, -200, -4, -40, -400]),
      (.hadamard(.matrix(Self.b), .matrix(Self.b)), [1, 100, 10000]),
      (.kronecker(.matrix(Self.a), .matrix(Self.b), blocks: 1), [1, 10, 100, 2, 20, 200]),
      (
        .kronecker(.matrix(Self.b), .matrix(Self.a), blocks: 2),
        [1, 10, 100, 2, 20, 200]
      ),
      (.stacked([.matrix(Self.b), .scaled(.matrix(Self.b), by: 3)]), [1, 10, 100, 3, 30, 300]),
      (.tiled(Self.b, rowCount: 2, width: 4), [1, 10, 100, 1, 1, 10, 100, 1]),
    ] as [(MatrixExpression, [Double])])
  func rows(expression: MatrixExpression, expected: [Double]) {
    #expect(expression.rows(0..<expression.rowCount).values == expected)
    let single = (0..<expression.rowCount).flatMap { expression.rows($0..<$0 + 1).values }
    #expect(single == expected)
    #expect(expression.width * expression.rowCount == expected.count)
  }

  @Test("blocks of a Kronecker product follow one another (U7)")
  func blocks() {
    let left = BoundedMatrix(rowCount: 2, width: 1, values: [1, 10])
    let right = BoundedMatrix(rowCount: 4, width: 1, values: [1, 2, 3, 4])
    let whole = MatrixExpression.kronecker(.matrix(left), .matrix(right), blocks: 1)
    #expect(whole.rows(0..<8).values == [1, 2, 3, 4, 10, 20, 30, 40])
    let halves = MatrixExpression.kronecker(.matrix(left), .matrix(right), blocks: 2)
    #expect(halves.rows(0..<8).values == [1, 2, 10, 20, 3, 4, 30, 40])
    #expect(halves.rows(1..<6).values == [2, 10, 20, 3, 4])
  }

  @Test("weights change by their rule (U1)")
  func changes() {
    let base = BoundedMatrix(rowCount: 2, width: 2, values: [3, 0, 0, 8])
    let scaling = WeightEvaluator(
      .scaling([2, 5], WeightAxis(stride: 2, count: 2)), weight: [2, 2], arithmetic: .float32)
    #expect(scaling.compute(0..<2, base: base).values.values == [6, 0, 0, 40])
    let delta = BoundedMatrix(rowCount: 2, width: 2, values: [0, 4, 0, -2])
    let addition = WeightEvaluator(
      .addition(.matrix(delta)), weight: [2, 2], arithmetic: .float32)
    #expect(addition.compute(0..<2, base: base).values.values == [3, 4, 0, 6])
    #expect(addition.compute(1..<2, base: nil).values.values == [0, -2])
    // The rows become 10 · [3, 4] / 5 and 1 · [0, 6] / 6.
    var normalization = WeightEvaluator(
      .normalization(
        .matrix(delta), magnitudes: [10, 1], WeightAxis(stride: 2, count: 2)),
      weight: [2, 2], arithmetic: .float32)
    #expect(normalization.isMeasured)
    normalization.measure(0..<1, base: base.rows(0..<1))
    normalization.measure(1..<2, base: base.rows(1..<2))
    let (values, bounds) = normalization.compute(0..<2, base: base)
    #expect(values.values == [6, 8, 0, 1])
    #expect(bounds.allSatisfy { $0 > 0 && $0 < 1e-5 })
    // W + W·B + B with blocks of one.
    let blocks = WeightEvaluator(
      .blocks([1.0, 2].map { BoundedMatrix(rowCount: 1, width: 1, values: [$0]) }),
      weight: [2, 2], arithmetic: .float32)
    #expect(blocks.compute(0..<2, base: base).values.values == [7, 1, 2, 26])
  }
}
