// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// Two factors of a matrix: [rowCount, rank] and [rank, width].
struct FactorPair {
  let left: [Double]
  let right: [Double]
  let rowCount: Int
  let width: Int
  let rank: Int

  /// The largest rank for which the effective rank is computed: the time grows with its cube.
  static let largestRank = 4096
  /// The least share of ‖left‖ · ‖right‖ that the norm must be for Gram matrices to tell it.
  private static let leastShare = 0x1p-16

  /// The norm and the effective rank; nil for a rank that is too large.
  ///
  /// Both follow from the Gram matrices G of the factors: Σσ² is the sum of the elements of their
  /// product element by element, and Σσ⁴ is the trace of (G · G′)². Where the factors cancel, these
  /// lose their digits, and the singular values are computed.
  var figures: (norm: Double, effectiveRank: Double)? {
    guard rank <= Self.largestRank else { return nil }
    let (leftScale, rightScale) = (Self.exponent(of: left), Self.exponent(of: right))
    let columns = Self.matrix(left, rowCount, rank, scale: -leftScale)
    let rows = Self.matrix(right, rank, width, scale: -rightScale)
    let outer = columns.transposed.multiplied(by: columns)
    let inner = rows.multiplied(by: rows.transposed)
    let lengths = Self.trace(of: outer) * Self.trace(of: inner)
    guard lengths > 0 else { return (0, 0) }
    let product = outer.multiplied(by: inner).values
    let (squares, fourths) = Self.traces(of: product, size: rank)
    guard squares / lengths > Self.leastShare * Self.leastShare, fourths > 0 else {
      return decomposition
    }
    let norm = FactoredSVD.scale(squares.squareRoot(), by: leftScale + rightScale)
    return (norm, min(Double(rank), max(1, squares * squares / fourths)))
  }

  private var decomposition: (norm: Double, effectiveRank: Double) {
    let values = FactoredSVD(
      left: left, rowCount: rowCount, right: right, width: width, rank: rank, formsVectors: false
    ).values
    var squares = ScaledSquares()
    for value in values { squares.add(value) }
    return (squares.norm, SingularValues.effectiveRank(of: values))
  }

  private static func matrix(
    _ values: [Double], _ rowCount: Int, _ width: Int, scale: Int
  ) -> BoundedMatrix {
    BoundedMatrix(
      rowCount: rowCount, width: width, values: values.map { FactoredSVD.scale($0, by: scale) })
  }

  /// The trace of a matrix, and that of its square.
  private static func traces(of values: [Double], size: Int) -> (Double, Double) {
    var (trace, square) = (0.0, 0.0)
    for row in 0..<size {
      trace += values[row * size + row]
      for column in 0..<size {
        square += values[row * size + column] * values[column * size + row]
      }
    }
    return (trace, square)
  }

  private static func trace(of matrix: BoundedMatrix) -> Double {
    (0..<matrix.rowCount).reduce(0) { $0 + matrix.values[$1 * matrix.width + $1] }
  }

  private static func exponent(of values: [Double]) -> Int { FactoredSVD.exponent(of: values) }
}

extension MatrixExpression {
  /// The matrix as a product of two factors; nil for other expressions.
  var factors: FactorPair? {
    switch self {
    case .product(let left, let right):
      FactorPair(
        left: left.values, right: right.values, rowCount: left.rowCount, width: right.width,
        rank: left.width)
    case .hadamard(let left, let right):
      left.factors.flatMap { left in right.factors.map { FactorPair(left, elementwise: $0) } }
    case .matrix, .kronecker, .stacked, .tiled, .scaled: nil
    }
  }
}

extension FactorPair {
  /// A matrix as a product with the identity on the side of its lesser size.
  init(whole matrix: BoundedMatrix) {
    let isTall = matrix.width <= matrix.rowCount
    let size = min(matrix.rowCount, matrix.width)
    let identity = (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }
    self.init(
      left: isTall ? matrix.values : identity, right: isTall ? identity : matrix.values,
      rowCount: matrix.rowCount, width: matrix.width, rank: size)
  }

  /// The product of two matrices, element by element: its rank is the product of both ranks.
  fileprivate init(_ first: FactorPair, elementwise second: FactorPair) {
    let rank = first.rank * second.rank
    var left: [Double] = []
    var right: [Double] = []
    left.reserveCapacity(first.rowCount * rank)
    right.reserveCapacity(rank * first.width)
    for row in 0..<first.rowCount {
      for r in 0..<first.rank {
        for s in 0..<second.rank {
          left.append(
            first.left[row * first.rank + r] * second.left[row * second.rank + s])
        }
      }
    }
    for r in 0..<first.rank {
      for s in 0..<second.rank {
        for column in 0..<first.width {
          right.append(
            first.right[r * first.width + column] * second.right[s * second.width + column])
        }
      }
    }
    self.init(
      left: left, right: right, rowCount: first.rowCount, width: first.width, rank: rank)
  }
}
