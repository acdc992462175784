// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// Two factors of one length next to each other, reduced to the triangle of their QR decomposition.
///
/// Factors that are no longer than the sum of their ranks stay as they are: a triangle would be larger.
struct StackedFactors {
  /// The exponent of the power of two by which the triangle is divided.
  let exponent: Int

  private let factors: [ScaledFactor]
  /// The rows of the triangle, `step` numbers apart.
  private let rows: [Double]
  private let rowCount: Int
  private let step: Int

  /// Decomposes two factors [rank, length], transposed, next to each other.
  ///
  /// - Returns: nil where an element or scale is infinite or NaN.
  init?(_ factors: [ScaledFactor]) {
    var exponents: [Int] = []
    var totals: [Int] = []
    for factor in factors {
      guard let own = factor.matrix.exponent, factor.scale.isFinite else { return nil }
      exponents.append(own)
      totals.append(own + (factor.scale == 0 ? 0 : Int(factor.scale.exponent)))
    }
    let exponent = totals.max() ?? 0
    // Two numbers for each: their product may be beyond F64 where no product with an element is.
    let scales = zip(factors, exponents).map { factor, own in
      (
        FactoredSVD.scale(1, by: max(-1000, -own)),
        FactoredSVD.scale(factor.scale, by: max(own, -1000) - exponent)
      )
    }
    let length = factors[0].matrix.length
    let width = factors.reduce(0) { $0 + $1.matrix.rank }
    self.exponent = exponent
    self.factors = factors
    var scratch: [Double] = []
    func fill(_ rows: inout [Double], _ range: Range<Int>, stride: Int) {
      var column = 0
      for (factor, scale) in zip(factors, scales) {
        factor.matrix.copy(
          columns: range, to: &rows, from: column, stride: stride, scratch: &scratch,
          factors: scale)
        column += factor.matrix.rank
      }
    }
    guard length > width else {
      var rows = [Double](repeating: 0, count: length * width)
      fill(&rows, 0..<length, stride: width)
      (self.rows, rowCount, step) = (rows, length, width)
      return
    }
    var qr = BlockedQR(width: width)
    var rows = [Double](repeating: 0, count: BlockedQR.blockRowCount * qr.stride)
    for start in stride(from: 0, to: length, by: BlockedQR.blockRowCount) {
      let end = min(start + BlockedQR.blockRowCount, length)
      fill(&rows, start..<end, stride: qr.stride)
      qr.add(&rows, count: end - start)
    }
    (self.rows, rowCount, step) = (qr.triangle, width, qr.stride)
  }

  /// The columns of the triangle that are those of one factor.
  func triangle(_ index: Int) -> BoundedMatrix {
    let start = index == 0 ? 0 : factors[0].matrix.rank
    let rank = factors[index].matrix.rank
    var values: [Double] = []
    values.reserveCapacity(rowCount * rank)
    for row in 0..<rowCount { values += rows[row * step + start..<row * step + start + rank] }
    return BoundedMatrix(rowCount: rowCount, width: rank, values: values)
  }

  /// The number of elements of one factor.
  func elementCount(_ index: Int) -> Int { factors[index].matrix.count }

  /// What an element of one factor is multiplied by in the triangle.
  func floorScale(_ index: Int) -> Double {
    FactoredSVD.scale(factors[index].scale.magnitude, by: -exponent)
  }
}
