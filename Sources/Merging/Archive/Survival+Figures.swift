// SPDX-License-Identifier: Apache-2.0

extension Survival {
  /// The part of Δ that is in the result: ⟨added, Δ⟩ / ‖Δ‖², which is the share times the cosine of the
  /// angle (spec/merging.md, MG10); nil where Δ is zero or not finite.
  ///
  /// The share alone is not enough: where few elements are large enough to change, each changes by
  /// more than was to be added.
  public var kept: Double? {
    guard deltaSquares > 0, deltaSquares.isFinite, product.isFinite else { return nil }
    return product / deltaSquares
  }

  /// The angle between Δ and what was added, in degrees; nil where one of them is zero or not finite.
  public var angle: Double? {
    guard let cosine else { return nil }
    // sin² and cos² of half the angle: an arc cosine would lose small angles.
    let (sine, other) = ((1 - cosine) / 2, (1 + cosine) / 2)
    guard sine <= other else { return 180 - 2 * Self.arctangent((other / sine).squareRoot()) }
    return 2 * Self.arctangent((sine / other).squareRoot())
  }

  /// The arc tangent of a number from 0 to 1, in degrees, to 10⁻¹³.
  private static func arctangent(_ tangent: Double) -> Double {
    // Half the angle each time, to 1/32 of it; then the series.
    var x = tangent
    for _ in 0..<5 { x /= 1 + (1 + x * x).squareRoot() }
    let square = x * x
    var (sum, power, divisor) = (0.0, x, 1.0)
    for _ in 0..<8 {
      sum += power / divisor
      power *= -square
      divisor += 2
    }
    return sum * 32 * 180 / .pi
  }
}
