// SPDX-License-Identifier: Apache-2.0

extension DeltaSlip {
  /// How near a factor must be to a power of the rank.
  private static let tolerance = 1e-3

  /// The slip of a scale that is off by a factor.
  ///
  /// - Parameter rank: that of the module.
  static func scale(off factor: Double, rank: Int) -> DeltaSlip {
    let rank = Double(rank)
    func isNear(_ value: Double) -> Bool {
      rank > 1 && ((factor / value - 1).magnitude < tolerance)
    }
    let root = rank.squareRoot()
    if isNear(rank) || isNear(1 / rank) { return .scale(factor, .rank) }
    if isNear(root) || isNear(1 / root) { return .scale(factor, .rootOfRank) }
    return .scale(factor, .constant)
  }
}
