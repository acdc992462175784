// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank

/// A matrix of F32 in memory.
struct DenseMatrix {
  let rowCount: Int
  let width: Int
  /// The elements, row-major.
  let values: [Float]

  /// The lesser size up to which all singular values are computed.
  private static let largestWholeSize = 256
  /// The largest number of passes over the matrix from either side.
  private static let iterationLimit = 24
  /// The relative change of the squared norm of what is captured at which passes end.
  private static let tolerance = 0x1p-40

  /// The best approximation of a rank, as two factors [rowCount, rank] and [rank, width].
  ///
  /// Small matrices are decomposed whole. Of others a space of twice the rank is turned towards the
  /// largest singular vectors, until what it captures does not grow any more.
  ///
  /// - Complexity: O(rowCount · width · rank) for each pass.
  func truncated(rank: Int, seed: UInt64) -> (left: [Double], right: [Double]) {
    let size = min(rowCount, width)
    guard size > Self.largestWholeSize else { return whole.balanced(rank: rank) }
    let columns = (min(size, max(2 * rank, rank + 8)) + 7) / 8 * 8
    var generator = SeededNormalGenerator(seed: seed)
    var basis = (0..<width * columns).map { _ in generator.next() }
    var captured = 0.0
    var (left, right): ([Double], [Double]) = ([], [])
    for _ in 0..<Self.iterationLimit {
      left = Self.orthogonal(times(basis, columns: columns), columns: columns)
      right = transposedTimes(left, columns: columns)
      let square = right.reduce(0) { $0 + $1 * $1 }
      guard square - captured > Self.tolerance * square else { break }
      captured = square
      basis = Self.orthogonal(right, columns: columns)
    }
    var rows = [Double](repeating: 0, count: right.count)
    for column in 0..<width {
      for r in 0..<columns { rows[r * width + column] = right[column * columns + r] }
    }
    return FactoredSVD(
      left: left, rowCount: rowCount, right: rows, width: width, rank: columns
    ).balanced(rank: rank)
  }

  private var whole: FactoredSVD {
    let size = min(rowCount, width)
    let matrix = values.map { Double($0) }
    let identity = (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }
    return FactoredSVD(
      left: width <= rowCount ? matrix : identity, rowCount: rowCount,
      right: width <= rowCount ? identity : matrix, width: width, rank: size)
  }

  /// The matrix times one of few columns.
  private func times(_ right: [Double], columns: Int) -> [Double] {
    var product = ThinProduct(rowCount: rowCount, width: columns)
    forEachBlock { rows, block in product.add(block, to: rows, depth: width, times: right) }
    return product.values
  }

  /// The transposed matrix times one of few columns.
  private func transposedTimes(_ right: [Double], columns: Int) -> [Double] {
    var product = ThinProduct(rowCount: width, width: columns)
    forEachBlock { rows, block in
      product.add(
        block, isTransposed: true, to: 0..<width, depth: rows.count, times: right,
        from: rows.lowerBound)
    }
    return product.values
  }

  private func forEachBlock(_ body: (Range<Int>, [Double]) -> Void) {
    let count = BlockedQR.blockRowCount
    for start in stride(from: 0, to: rowCount, by: count) {
      let end = min(start + count, rowCount)
      body(start..<end, values[start * width..<end * width].map { Double($0) })
    }
  }

  /// An orthonormal basis of the columns.
  private static func orthogonal(_ matrix: [Double], columns: Int) -> [Double] {
    var qr = BlockedQR(width: columns, keepsBasis: true)
    let rowCount = matrix.count / columns
    for start in stride(from: 0, to: rowCount, by: BlockedQR.blockRowCount) {
      let end = min(start + BlockedQR.blockRowCount, rowCount)
      var rows = Array(matrix[start * columns..<end * columns])
      qr.add(&rows, count: end - start)
    }
    let identity = (0..<columns * columns).map { $0 % (columns + 1) == 0 ? 1.0 : 0 }
    return qr.basis(times: identity, columns: columns)
  }
}
