// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// Figures of the change of a weight, from its factors alone (spec/low-rank.md, U18 to U20).
public struct ChangeStatistics: Sendable, Hashable {
  /// The Frobenius norm of Δ; nil where Δ depends on the weight.
  public let norm: Double?
  /// The participation ratio of the singular values of Δ: (Σσ²)² / Σσ⁴, of experts the mean; nil
  /// where the factors are too large to tell.
  public let effectiveRank: Double?
  /// Whether the result is normalized, so that Δ is not all of the change (DoRA).
  public let isNormalized: Bool

  /// Computes the figures.
  ///
  /// - Returns: nil values for factors that are not finite.
  /// - Complexity: O((rows + columns) · r² + r³) for a product of rank r.
  public init(of change: WeightChange) {
    switch change {
    case .addition(let delta): self.init(of: delta, isNormalized: false)
    case .normalization(let delta, _, _): self.init(of: delta, isNormalized: true)
    case .scaling, .blocks: self.init(norm: nil, effectiveRank: nil, isNormalized: false)
    }
  }

  private init(of delta: MatrixExpression, isNormalized: Bool) {
    let figures = delta.isFinite ? delta.figures : nil
    self.init(
      norm: figures?.norm, effectiveRank: figures?.effectiveRank, isNormalized: isNormalized)
  }

  private init(norm: Double?, effectiveRank: Double?, isNormalized: Bool) {
    (self.norm, self.effectiveRank, self.isNormalized) = (norm, effectiveRank, isNormalized)
  }
}

extension MatrixExpression {
  fileprivate typealias Figures = (norm: Double, effectiveRank: Double?)

  /// Whether all factors are numbers.
  fileprivate var isFinite: Bool {
    switch self {
    case .matrix(let matrix), .tiled(let matrix, _, _): matrix.values.allSatisfy(\.isFinite)
    case .product(let left, let right):
      left.values.allSatisfy(\.isFinite) && right.values.allSatisfy(\.isFinite)
    case .hadamard(let left, let right), .kronecker(let left, let right, _):
      left.isFinite && right.isFinite
    case .stacked(let parts): parts.allSatisfy(\.isFinite)
    case .scaled(let matrix, let scale): scale.isFinite && matrix.isFinite
    }
  }

  /// Norm and effective rank; nil where they need a matrix of full size.
  fileprivate var figures: Figures? {
    switch self {
    case .scaled(let matrix, let scale):
      return matrix.figures.map {
        ($0.norm * scale.magnitude, scale == 0 ? 0 : $0.effectiveRank)
      }
    case .stacked(let parts):
      let figures = parts.compactMap(\.figures)
      guard figures.count == parts.count, !parts.isEmpty else { return nil }
      var squares = ScaledSquares()
      for part in figures { squares.add(part.norm) }
      let ranks = figures.compactMap(\.effectiveRank)
      let mean = ranks.reduce(0, +) / Double(figures.count)
      return (squares.norm, ranks.count == figures.count ? mean : nil)
    case .kronecker(let left, let right, let blocks):
      guard let left = left.figures, let right = right.figures else { return nil }
      // The singular values are the products of both; so are sums of their powers.
      let rank = left.effectiveRank.flatMap { left in right.effectiveRank.map { left * $0 } }
      return (left.norm * right.norm, blocks == 1 ? rank : nil)
    case .matrix(let matrix):
      guard min(matrix.rowCount, matrix.width) <= FactorPair.largestRank else { return nil }
      return FactorPair(whole: matrix).figures.map { ($0.norm, $0.effectiveRank) }
    case .product, .hadamard:
      return factors?.figures.map { ($0.norm, $0.effectiveRank) }
    case .tiled: return nil
    }
  }
}
