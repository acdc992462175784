// SPDX-License-Identifier: Apache-2.0

/// The singular value decomposition of a task's `cols @ rows`, from its factors alone.
struct FactoredSVD {
  /// One singular value with its vectors.
  struct Triplet {
    /// The singular value, divided by 2^exponent.
    let scaledValue: Double
    /// The left vector, of length V.
    let left: [Double]
    /// The right vector, of length D.
    let right: [Double]
  }

  /// The components with singular values above the rounding error of F64, in descending order; at
  /// most R.
  let triplets: [Triplet]
  /// The exponent of the power of two by which values are divided, so that squares neither overflow
  /// nor underflow.
  let exponent: Int

  /// The singular values.
  var values: [Double] { triplets.map { Self.scale($0.scaledValue, by: exponent) } }

  /// `value · 2^exponent`, also for exponents that F64 does not have.
  static func scale(_ value: Double, by exponent: Int) -> Double {
    let half = exponent / 2
    return value * Double(sign: .plus, exponent: half, significand: 1)
      * Double(sign: .plus, exponent: exponent - half, significand: 1)
  }
}

extension TaskFactors {
  /// Decomposes the product: QR of both factors, then Jacobi rotations of the R × R core.
  ///
  /// - Complexity: O((V + D) · R² + R³).
  func svd() -> FactoredSVD {
    let (columnScale, rowScale) = (Self.exponent(of: columns), Self.exponent(of: rows))
    let left = ThinQR(
      (0..<rank).map { r in
        (0..<tokenCount).map { Self.scaled(columns[$0 * rank + r], by: -columnScale) }
      }, rowCount: tokenCount)
    let right = ThinQR(
      (0..<rank).map { r in
        (0..<width).map { Self.scaled(rows[r * width + $0], by: -rowScale) }
      }, rowCount: width)
    // Jacobi needs a core with at least as many rows as columns.
    let isWide = left.basis.count < right.basis.count
    let (outer, inner) = isWide ? (right, left) : (left, right)
    let core = inner.basis.indices.map { column in
      outer.basis.indices.map { row in
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
    let triplets = order.map { index in
      let scaled = Self.combine(outer.basis, jacobi.scaledLeft[index])
      let outerVector = scaled.map { $0 / lengths[index] }
      let innerVector = Self.combine(inner.basis, jacobi.right[index])
      return FactoredSVD.Triplet(
        scaledValue: lengths[index], left: isWide ? innerVector : outerVector,
        right: isWide ? outerVector : innerVector)
    }
    return FactoredSVD(triplets: triplets, exponent: columnScale + rowScale)
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

  private static func combine(_ basis: [[Double]], _ weights: [Double]) -> [Double] {
    var sum = [Double](repeating: 0, count: basis[0].count)
    for (vector, weight) in zip(basis, weights) {
      for index in sum.indices { sum[index] += weight * vector[index] }
    }
    return sum
  }

  /// The exponent of the largest magnitude; 0 for zeros.
  private static func exponent(of values: [Double]) -> Int {
    let largest = values.reduce(0.0) { max($0, $1.magnitude) }
    return largest > 0 ? Int(largest.exponent) : 0
  }

  private static func scaled(_ value: Double, by exponent: Int) -> Double {
    FactoredSVD.scale(value, by: exponent)
  }
}
