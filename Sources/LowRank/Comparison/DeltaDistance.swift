// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// The distance of two updates s · B · A in the Frobenius norm, from their factors
/// (spec/deltas.md, DC2).
///
/// [s₁B₁, s₂B₂] and [A₁; A₂]ᵀ are decomposed into Q and a triangle each; the products of the triangles
/// are the updates in the bases of the Qs, which do not change norms. Nothing cancels that does not
/// cancel in the updates themselves.
struct DeltaDistance {
  /// ‖Δ₁ − Δ₂‖, ‖Δ₁‖ and ‖Δ₂‖, all divided by one power of two.
  let difference: Double
  let norms: (left: Double, right: Double)
  /// The exponent of that power.
  let exponent: Int
  /// What each side's update can change by if its factors are rounded once, divided by the same.
  let bounds: (left: Double, right: Double)
  /// c for which ‖Δ₂ − c·Δ₁‖ is least, and that norm; nil where Δ₁ is zero.
  let multiple: (factor: Double, rest: Double)?

  /// The largest sum of ranks: memory grows with its square.
  static let largestRank = 8192
  /// The error of this computation, relative to the product of the norms of both factors.
  private static let computingError = 0x1p-40

  /// ‖Δ₁ − Δ₂‖ divided by the larger of both norms; 0 where all are zero.
  var relative: Double { difference == 0 ? 0 : difference / max(norms.left, norms.right) }

  /// Computes the distance.
  ///
  /// - Returns: nil where a factor is infinite or NaN, or the ranks are too large.
  /// - Complexity: O((inputs + outputs) · (r₁ + r₂)²).
  init?(
    _ left: (a: FactorMatrix, b: ScaledFactor), _ right: (a: FactorMatrix, b: ScaledFactor),
    rounding: (a: FactorRounding, b: FactorRounding)
  ) {
    let ranks = (left.a.rank, right.a.rank)
    guard ranks.0 + ranks.1 <= Self.largestRank, ranks.0 + ranks.1 > 0,
      let a = StackedFactors(
        [ScaledFactor(matrix: left.a, scale: 1), ScaledFactor(matrix: right.a, scale: 1)]),
      let b = StackedFactors([left.b, right.b])
    else { return nil }
    exponent = a.exponent + b.exponent
    let first = b.triangle(0).multiplied(by: a.triangle(0).transposed)
    let second = b.triangle(1).multiplied(by: a.triangle(1).transposed)
    var (square, inner) = (0.0, 0.0)
    for (x, y) in zip(first.values, second.values) {
      square += (x - y) * (x - y)
      inner += x * y
    }
    difference = square.squareRoot()
    norms = (Self.norm(first.values), Self.norm(second.values))
    let c = inner / (norms.left * norms.left)
    if c.isFinite {
      var rest = 0.0
      for (x, y) in zip(first.values, second.values) { rest += (y - c * x) * (y - c * x) }
      multiple = (c, rest.squareRoot())
    } else {
      multiple = nil
    }
    let sides = [0, 1].map { side in
      let (aSize, bSize) = (TriangleSize(a.triangle(side)), TriangleSize(b.triangle(side)))
      let (aScale, bScale) = (a.floorScale(side), b.floorScale(side))
      let aError =
        rounding.a.relative * aSize.norm
        + rounding.a.floor * aScale * Double(a.elementCount(side)).squareRoot()
      let bError =
        rounding.b.relative * bSize.norm
        + rounding.b.floor * bScale * Double(b.elementCount(side)).squareRoot()
      return bError * aSize.spectralNorm + bSize.spectralNorm * aError + aError * bError
        + Self.computingError * aSize.norm * bSize.norm
    }
    bounds = (sides[0], sides[1])
  }

  static func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

/// The norms of a triangle.
private struct TriangleSize {
  /// The Frobenius norm.
  let norm: Double
  /// At least the largest singular value.
  let spectralNorm: Double

  init(_ triangle: BoundedMatrix) {
    let norm = DeltaDistance.norm(triangle.values)
    self.norm = norm
    guard norm > 0 else {
      spectralNorm = 0
      return
    }
    // The largest eigenvalue of the Gram matrix G is at most ‖G⁴‖ to the power of a quarter.
    let unit = BoundedMatrix(
      rowCount: triangle.rowCount, width: triangle.width, values: triangle.values.map { $0 / norm })
    let gram = unit.transposed.multiplied(by: unit)
    let square = gram.multiplied(by: gram)
    let fourth = DeltaDistance.norm(square.multiplied(by: square).values)
    let eigenvalue = min(1, fourth.squareRoot().squareRoot() * 1.001)
    spectralNorm = norm * eigenvalue.squareRoot()
  }
}
