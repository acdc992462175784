// SPDX-License-Identifier: Apache-2.0
internal import LowRank

/// The singular values of an update of one matrix, or of one matrix for each expert.
struct Spectrum: Sendable {
  /// ‖Δ‖, the root of the sum of all squared values.
  let norm: Double
  /// The root of the sum of the squared values beyond each rank, in parts of the norm; the first is 1,
  /// and those that are missing are 0.
  private let tails: [Double]

  /// - Parameter values: the singular values of each matrix, in descending order.
  init(_ values: [[Double]]) {
    var squares = ScaledSquares()
    for value in values.joined() { squares.add(value) }
    let norm = squares.norm
    let length = norm > 0 ? values.map(\.count).max() ?? 0 : 0
    var tails = [Double](repeating: 0, count: length)
    var sum = 0.0
    // From the smallest, which would be lost in a sum that begins with the largest.
    for rank in tails.indices.reversed() {
      for own in values where rank < own.count { sum += (own[rank] / norm) * (own[rank] / norm) }
      tails[rank] = sum.squareRoot()
    }
    self.norm = norm
    self.tails = tails
  }

  /// The relative error of the best approximation of a rank: ‖new − old‖ / ‖old‖.
  func error(atRank rank: Int) -> Double { rank < tails.count ? min(1, tails[rank]) : 0 }

  /// The lowest rank, at least 1, that keeps a share of the squared values.
  func rank(keeping share: Double) -> Int {
    let limit = 1 - share
    let rank = tails.firstIndex { $0 * $0 <= limit } ?? tails.count
    return max(1, rank)
  }
}
