// SPDX-License-Identifier: Apache-2.0
public import Kernels

/// A matrix that is computed from small factors, some rows at a time.
public indirect enum MatrixExpression: Sendable {
  /// A matrix in memory.
  case matrix(BoundedMatrix)
  /// The product of two matrices; the left one is a factor, and not itself a sum.
  case product(BoundedMatrix, BoundedMatrix)
  /// The product of two matrices of one size, element by element.
  case hadamard(MatrixExpression, MatrixExpression)
  /// The Kronecker product. With several blocks, the rows of the right matrix are divided among
  /// them, and each block is a Kronecker product with all of the left matrix.
  case kronecker(MatrixExpression, MatrixExpression, blocks: Int)
  /// The rows of several matrices of one width, one after the other.
  case stacked([MatrixExpression])
  /// A matrix repeated below and beside itself, and cut to a size.
  case tiled(BoundedMatrix, rowCount: Int, width: Int)
  /// The matrix times a number.
  case scaled(MatrixExpression, by: Double)
}

extension MatrixExpression {
  /// The number of rows.
  public var rowCount: Int {
    switch self {
    case .matrix(let matrix), .product(let matrix, _): matrix.rowCount
    case .hadamard(let matrix, _), .scaled(let matrix, _): matrix.rowCount
    case .kronecker(let left, let right, _): left.rowCount * right.rowCount
    case .stacked(let parts): parts.reduce(0) { $0 + $1.rowCount }
    case .tiled(_, let rowCount, _): rowCount
    }
  }

  /// The number of columns.
  public var width: Int {
    switch self {
    case .matrix(let matrix), .product(_, let matrix): matrix.width
    case .hadamard(let matrix, _), .scaled(let matrix, _): matrix.width
    case .kronecker(let left, let right, _): left.width * right.width
    case .stacked(let parts): parts.first?.width ?? 0
    case .tiled(_, _, let width): width
    }
  }

  /// Computes some of the rows. Others may be computed at the same time elsewhere.
  ///
  /// - Complexity: O(rows · rank · width).
  public func rows(
    _ range: Range<Int>, implementation: KernelImplementation = .automatic
  ) -> BoundedMatrix {
    switch self {
    case .matrix(let matrix):
      return matrix.rows(range)
    case .product(let left, let right):
      return left.rows(range).multiplied(by: right, implementation: implementation)
    case .hadamard(let left, let right):
      return left.rows(range, implementation: implementation)
        .multiplied(elementwise: right.rows(range, implementation: implementation))
    case .scaled(let matrix, let scale):
      return matrix.rows(range, implementation: implementation).scaled(by: scale)
    case .kronecker(let left, let right, let blocks):
      let size = right.rowCount / blocks
      return Self.joined(range, in: size) { index, rows in
        let (block, row) = index.quotientAndRemainder(dividingBy: left.rowCount)
        let start = block * size + rows.lowerBound
        return left.rows(row..<row + 1, implementation: implementation).kronecker(
          right.rows(start..<start + rows.count, implementation: implementation))
      }
    case .tiled(let matrix, _, let width):
      return Self.joined(range, in: matrix.rowCount) { _, rows in
        matrix.rows(rows).tiled(rowCount: rows.count, width: width)
      }
    case .stacked(let parts):
      return Self.joined(range, in: parts.first?.rowCount ?? 0) { index, rows in
        parts[index].rows(rows, implementation: implementation)
      }
    }
  }

  /// Computes rows of parts that have `size` rows each, and joins them.
  private static func joined(
    _ range: Range<Int>, in size: Int,
    _ part: (_ index: Int, _ rows: Range<Int>) -> BoundedMatrix
  ) -> BoundedMatrix {
    var parts: [BoundedMatrix] = []
    var row = range.lowerBound
    while row < range.upperBound {
      let (index, first) = row.quotientAndRemainder(dividingBy: size)
      let count = min(size - first, range.upperBound - row)
      parts.append(part(index, first..<first + count))
      row += count
    }
    return BoundedMatrix(joining: parts)
  }
}
