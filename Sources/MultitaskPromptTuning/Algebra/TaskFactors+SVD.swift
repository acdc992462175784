// SPDX-License-Identifier: Apache-2.0
internal import LowRank

extension TaskFactors {
  /// Decomposes the product: QR of both factors, then Jacobi rotations of the R × R core.
  ///
  /// - Complexity: O((V + D) · R² + R³).
  func svd() -> FactoredSVD {
    FactoredSVD(left: columns, rowCount: tokenCount, right: rows, width: width, rank: rank)
  }

  /// The best approximation of a lower rank; both factors get the root of each singular value.
  ///
  /// The signs are those of the normal form: of the components of a right vector within a relative
  /// 2^-20 of its largest, the first is positive.
  ///
  /// - Parameter tolerance: singular values up to this share of the largest are dropped too.
  func approximated(rank target: Int, tolerance: Double = 0) -> TaskFactors {
    let svd = svd()
    let largest = svd.triplets.first?.scaledValue ?? 0
    var columns = [Double](repeating: 0, count: tokenCount * target)
    var rows = [Double](repeating: 0, count: target * width)
    for (r, triplet) in svd.triplets.prefix(target).enumerated()
    where triplet.scaledValue > tolerance * largest {
      // √(value · 2^exponent), with an even exponent.
      let isOdd = !svd.exponent.isMultiple(of: 2)
      let root = FactoredSVD.scale(
        (isOdd ? 2 * triplet.scaledValue : triplet.scaledValue).squareRoot(),
        by: (svd.exponent - (isOdd ? 1 : 0)) / 2)
      let sign = Self.sign(of: triplet.right)
      for token in 0..<tokenCount {
        columns[token * target + r] = sign * root * triplet.left[token]
      }
      for index in 0..<width { rows[r * width + index] = sign * root * triplet.right[index] }
    }
    return TaskFactors(
      tokenCount: tokenCount, rank: target, width: width, columns: columns, rows: rows)
  }

  private static func sign(of vector: [Double]) -> Double {
    let largest = vector.reduce(0.0) { max($0, $1.magnitude) }
    let first = vector.first { $0.magnitude >= largest * (1 - 0x1p-20) } ?? 1
    return first < 0 ? -1 : 1
  }
}
