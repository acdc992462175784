// SPDX-License-Identifier: Apache-2.0

/// The singular value decomposition of a product of two factors, from the factors alone.
package struct FactoredSVD: Sendable {
  /// One singular value with its vectors.
  package struct Triplet: Sendable {
    /// The singular value, divided by 2^exponent.
    package let scaledValue: Double
    /// The left vector; empty when only values are computed.
    package let left: [Double]
    /// The right vector; empty when only values are computed.
    package let right: [Double]
  }

  /// The components with singular values above the rounding error of F64, in descending order; at
  /// most as many as the rank.
  package let triplets: [Triplet]
  /// The exponent of the power of two by which values are divided, so that squares neither overflow
  /// nor underflow.
  package let exponent: Int

  /// The singular values.
  package var values: [Double] { triplets.map { Self.scale($0.scaledValue, by: exponent) } }

  /// `value · 2^exponent`, also for exponents that F64 does not have.
  package static func scale(_ value: Double, by exponent: Int) -> Double {
    let half = exponent / 2
    return value * Double(sign: .plus, exponent: half, significand: 1)
      * Double(sign: .plus, exponent: exponent - half, significand: 1)
  }

  /// Decomposes a product: QR of both factors, then Jacobi rotations of the core.
  ///
  /// - Parameters:
  ///   - left: [rowCount, rank], row-major.
  ///   - right: [rank, width], row-major.
  ///   - rank: at least 1.
  ///   - formsVectors: whether to compute the vectors.
  /// - Complexity: O((rowCount + width) · rank² + rank³).
  package init(
    left: [Double], rowCount: Int, right: [Double], width: Int, rank: Int,
    formsVectors: Bool = true
  ) {
    let (leftScale, rightScale) = (Self.exponent(of: left), Self.exponent(of: right))
    let leftQR = ThinQR(
      (0..<rank).map { r in
        (0..<rowCount).map { Self.scale(left[$0 * rank + r], by: -leftScale) }
      }, rowCount: rowCount, formsBasis: formsVectors)
    let rightQR = ThinQR(
      (0..<rank).map { r in
        (0..<width).map { Self.scale(right[r * width + $0], by: -rightScale) }
      }, rowCount: width, formsBasis: formsVectors)
    // Jacobi needs a core with at least as many rows as columns.
    let isWide = min(rowCount, rank) < min(width, rank)
    let (outer, inner) = isWide ? (rightQR, leftQR) : (leftQR, rightQR)
    let (outerSize, innerSize) =
      isWide
      ? (min(width, rank), min(rowCount, rank)) : (min(rowCount, rank), min(width, rank))
    let core = (0..<innerSize).map { column in
      (0..<outerSize).map { row in
        (0..<rank).reduce(0.0) { $0 + outer.triangle[$1][row] * inner.triangle[$1][column] }
      }
    }
    let jacobi = JacobiSVD(core)
    let lengths = jacobi.scaledLeft.map { column in
      column.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
    }
    let floor = (lengths.max() ?? 0) * Double(rank) * 0x1p-50
    let order = lengths.indices.filter { lengths[$0] > floor }
      .sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
    triplets = order.map { index in
      guard formsVectors else {
        return Triplet(scaledValue: lengths[index], left: [], right: [])
      }
      let scaled = Self.combine(outer.basis, jacobi.scaledLeft[index])
      let outerVector = scaled.map { $0 / lengths[index] }
      let innerVector = Self.combine(inner.basis, jacobi.right[index])
      return Triplet(
        scaledValue: lengths[index], left: isWide ? innerVector : outerVector,
        right: isWide ? outerVector : innerVector)
    }
    exponent = leftScale + rightScale
  }

  private static func combine(_ basis: [[Double]], _ weights: [Double]) -> [Double] {
    var sum = [Double](repeating: 0, count: basis[0].count)
    for (vector, weight) in zip(basis, weights) {
      for index in sum.indices { sum[index] += weight * vector[index] }
    }
    return sum
  }

  /// The exponent of the largest magnitude; 0 for zeros.
  static func exponent(of values: [Double]) -> Int {
    let largest = values.reduce(0.0) { max($0, $1.magnitude) }
    return largest > 0 ? Int(largest.exponent) : 0
  }
}
