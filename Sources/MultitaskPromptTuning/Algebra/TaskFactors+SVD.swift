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
    let (columns, rows) = svd().balanced(rank: target, tolerance: tolerance)
    return TaskFactors(
      tokenCount: tokenCount, rank: target, width: width, columns: columns, rows: rows)
  }
}
