// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// The singular value decomposition of a product of two factors, from the factors alone.
package struct FactoredSVD: Sendable {
  /// The singular values, divided by 2^exponent: those above the rounding error of F64, in descending
  /// order; at most as many as the rank.
  package let scaledValues: [Double]
  /// The exponent of the power of two by which values are divided, so that squares neither overflow
  /// nor underflow.
  package let exponent: Int

  private let sides: (left: Side, right: Side)
  /// The places of the values in the decomposition of the core.
  private let order: [Int]
  private let core: JacobiSVD
  /// Whether the core has the right side's columns as its rows.
  private let isWide: Bool

  /// The singular values.
  package var values: [Double] { scaledValues.map { Self.scale($0, by: exponent) } }

  /// Decomposes a product: QR of both factors, then Jacobi rotations of the core.
  ///
  /// - Parameters:
  ///   - left: [rowCount, rank], row-major.
  ///   - right: [rank, width], row-major.
  ///   - rank: at least 1.
  ///   - formsVectors: whether vectors will be asked for.
  /// - Complexity: O((rowCount + width) · rank² + rank³).
  package init(
    left: [Double], rowCount: Int, right: [Double], width: Int, rank: Int,
    formsVectors: Bool = true
  ) {
    let sides = (
      left: Side(
        left, rowCount: rowCount, rank: rank, steps: (rank, 1), keepsBasis: formsVectors),
      right: Side(right, rowCount: width, rank: rank, steps: (1, width), keepsBasis: formsVectors)
    )
    // Jacobi needs a core with at least as many rows as columns.
    isWide = sides.left.size < sides.right.size
    let (outer, inner) = isWide ? (sides.right, sides.left) : (sides.left, sides.right)
    let height = (outer.size + 7) / 8 * 8
    var columns = [Double](repeating: 0, count: height * inner.size)
    for column in 0..<inner.size {
      for row in 0..<outer.size {
        columns[column * height + row] = outer.product(row, inner, column)
      }
    }
    let core = JacobiSVD(columns, count: inner.size)
    let lengths = core.lengths
    let floor = (lengths.max() ?? 0) * Double(rank) * 0x1p-50
    order = lengths.indices.filter { lengths[$0] > floor }
      .sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
    scaledValues = order.map { lengths[$0] }
    self.core = core
    self.sides = sides
    exponent = sides.left.exponent + sides.right.exponent
  }

  /// The best approximation of a lower rank as two factors, each with the root of each singular
  /// value: [rowCount, rank] and [rank, width].
  ///
  /// The signs are those of the normal form: of the components of a right vector within a relative
  /// 2^-20 of its largest, the first is positive.
  ///
  /// - Parameters:
  ///   - rank: the rank of the result; values beyond those that the product has are zero.
  ///   - tolerance: singular values up to this share of the largest are dropped too.
  /// - Complexity: O((rowCount + width) · r · rank), r being the rank of the product.
  package func balanced(
    rank: Int, tolerance: Double = 0
  ) -> (left: [Double], right: [Double]) {
    let floor = tolerance * (scaledValues.first ?? 0)
    let count = scaledValues.prefix(rank).prefix { $0 > floor }.count
    let step = (max(1, count) + 7) / 8 * 8
    let (rowCount, width) = (sides.left.rowCount, sides.right.rowCount)
    let left = vectors(of: sides.left, isOuter: !isWide, count: count, step: step)
    let right = vectors(of: sides.right, isOuter: isWide, count: count, step: step)
    // √(value · 2^exponent), with an even exponent.
    let isOdd = !exponent.isMultiple(of: 2)
    var columns = [Double](repeating: 0, count: rowCount * rank)
    var rows = [Double](repeating: 0, count: rank * width)
    for r in 0..<count {
      let root = Self.scale(
        (isOdd ? 2 * scaledValues[r] : scaledValues[r]).squareRoot(),
        by: (exponent - (isOdd ? 1 : 0)) / 2)
      let factor = Self.sign(of: right, column: r, step: step) * root
      for row in 0..<rowCount { columns[row * rank + r] = factor * left[row * step + r] }
      for column in 0..<width { rows[r * width + column] = factor * right[column * step + r] }
    }
    return (columns, rows)
  }

  /// The first vectors of one side, [rows, step].
  private func vectors(of side: Side, isOuter: Bool, count: Int, step: Int) -> [Double] {
    var weights = [Double](repeating: 0, count: side.qr.stride * step)
    for r in 0..<count {
      let index = order[r]
      let vector = isOuter ? core.scaledLeft(index) : core.right(index)
      let divisor = isOuter ? core.lengths[index] : 1
      for (row, value) in vector.prefix(side.size).enumerated() {
        weights[row * step + r] = value / divisor
      }
    }
    return side.qr.basis(times: weights, columns: step)
  }

  private static func sign(of vectors: [Double], column: Int, step: Int) -> Double {
    var largest = 0.0
    for place in stride(from: column, to: vectors.count, by: step) {
      largest = max(largest, vectors[place].magnitude)
    }
    for place in stride(from: column, to: vectors.count, by: step)
    where vectors[place].magnitude >= largest * (1 - 0x1p-20) {
      return vectors[place] < 0 ? -1 : 1
    }
    return 1
  }

  /// `value · 2^exponent`, also for exponents that F64 does not have.
  package static func scale(_ value: Double, by exponent: Int) -> Double {
    let (first, second) = powers(exponent)
    return value * first * second
  }

  /// Two powers of two whose product is 2^exponent.
  fileprivate static func powers(_ exponent: Int) -> (Double, Double) {
    let half = exponent / 2
    return (
      Double(sign: .plus, exponent: half, significand: 1),
      Double(sign: .plus, exponent: exponent - half, significand: 1)
    )
  }

  /// The exponent of the largest magnitude; 0 for zeros.
  static func exponent(of values: [Double]) -> Int {
    let largest = values.reduce(0.0) { max($0, $1.magnitude) }
    return largest > 0 ? Int(largest.exponent) : 0
  }
}

/// The decomposition of one factor, whose rank is the number of its columns.
private struct Side: Sendable {
  let qr: BlockedQR
  let rowCount: Int
  let exponent: Int

  /// The number of rows of the triangle.
  var size: Int { min(rowCount, qr.width) }

  /// - Parameter steps: the distance of two rows in `values`, and of two columns.
  init(
    _ values: [Double], rowCount: Int, rank: Int, steps: (row: Int, column: Int), keepsBasis: Bool
  ) {
    exponent = FactoredSVD.exponent(of: values)
    self.rowCount = rowCount
    let (first, second) = FactoredSVD.powers(-exponent)
    var qr = BlockedQR(width: rank, keepsBasis: keepsBasis)
    var rows = [Double](repeating: 0, count: BlockedQR.blockRowCount * qr.stride)
    for start in Swift.stride(from: 0, to: rowCount, by: BlockedQR.blockRowCount) {
      let count = min(BlockedQR.blockRowCount, rowCount - start)
      for row in 0..<count {
        let place = (start + row) * steps.row
        for r in 0..<rank {
          rows[row * qr.stride + r] = values[place + r * steps.column] * first * second
        }
      }
      qr.add(&rows, count: count)
    }
    self.qr = qr
  }

  /// The product of a row of the triangle with one of another.
  func product(_ row: Int, _ other: Side, _ otherRow: Int) -> Double {
    var sum = 0.0
    for r in max(row, otherRow)..<max(row, otherRow, qr.width) {
      sum += qr.triangle[row * qr.stride + r] * other.qr.triangle[otherRow * qr.stride + r]
    }
    return sum
  }
}
