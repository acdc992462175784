// SPDX-License-Identifier: Apache-2.0
import Kernels
import LowRank
import Testing

@Suite("Statistics of changes")
struct StatisticsTests {
  private static func matrix(_ rowCount: Int, _ values: [Double]) -> BoundedMatrix {
    BoundedMatrix(rowCount: rowCount, width: values.count / rowCount, values: values)
  }

  /// diag(3, 4), as a product.
  private static let diagonal = MatrixExpression.product(
    matrix(2, [1, 0, 0, 2]), matrix(2, [3, 0, 0, 2]))

  @Test(
    "norm and effective rank, from the factors alone (U18, U19)",
    arguments: [
      (Self.diagonal, 5, 625.0 / 337), (.scaled(Self.diagonal, by: -2), 10, 625.0 / 337),
      (.scaled(Self.diagonal, by: 0), 0, 0),
      (.matrix(Self.matrix(2, [3, 0, 0, 0, 4, 0])), 5, 625.0 / 337),
      (.matrix(Self.matrix(3, [3, 0, 0, 0, 4, 0])), 5, 1),
      (.hadamard(Self.diagonal, Self.diagonal), 337.0.squareRoot(), 337.0 * 337 / 72097),
      (
        .kronecker(Self.diagonal, .matrix(Self.matrix(1, [2])), blocks: 1), 10, 625.0 / 337
      ),
      (.kronecker(Self.diagonal, Self.diagonal, blocks: 1), 25, 625.0 * 625 / (337 * 337)),
      (.stacked([Self.diagonal, .scaled(Self.diagonal, by: 2)]), 125.0.squareRoot(), 625.0 / 337),
      (.product(Self.matrix(2, [0, 0]), Self.matrix(1, [1, 2])), 0, 0),
    ] as [(MatrixExpression, Double, Double)])
  func figures(delta: MatrixExpression, norm: Double, effectiveRank: Double) throws {
    let statistics = ChangeStatistics(of: .addition(delta))
    #expect(abs(try #require(statistics.norm) - norm) <= 1e-12 * norm)
    let rank = try #require(statistics.effectiveRank)
    #expect(abs(rank - effectiveRank) < 1e-3, "\(rank)")
    #expect(!statistics.isNormalized)
  }

  @Test("factors that cancel are decomposed (U19)")
  func cancellation() throws {
    // B · A = [[2^-40]]: the Gram matrices would give nothing but rounding errors.
    let delta = MatrixExpression.product(
      Self.matrix(1, [1, -1]), Self.matrix(2, [1 + 0x1p-40, 1]))
    let statistics = ChangeStatistics(of: .addition(delta))
    #expect(abs(try #require(statistics.norm) / 0x1p-40 - 1) < 1e-3)
    #expect(statistics.effectiveRank == 1)
  }

  @Test("nothing is told of factors that are not finite, or of other changes (U18)")
  func absent() {
    let infinite = MatrixExpression.product(Self.matrix(1, [.infinity]), Self.matrix(1, [1]))
    #expect(ChangeStatistics(of: .addition(infinite)).norm == nil)
    let scaling = WeightChange.scaling([1], WeightAxis(stride: 1, count: 1))
    #expect(ChangeStatistics(of: scaling).norm == nil)
    let normalized = WeightChange.normalization(
      Self.diagonal, magnitudes: [1, 1], WeightAxis(stride: 2, count: 2))
    #expect(ChangeStatistics(of: normalized).isNormalized)
    // Large and small numbers neither overflow nor underflow.
    let large = MatrixExpression.product(Self.matrix(1, [1e200]), Self.matrix(1, [1e-300, 1e100]))
    let norm = ChangeStatistics(of: .addition(large)).norm ?? 0
    #expect(abs(norm / 1e300 - 1) < 1e-12)
  }
}
