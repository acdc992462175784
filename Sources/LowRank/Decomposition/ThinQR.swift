// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// The QR decomposition of a matrix with few columns: Q has orthonormal columns, T is upper
/// triangular.
///
/// Every machine computes the same bits.
package struct ThinQR {
  /// The columns of Q: as many as the lesser of rows and columns of the matrix; none when only the
  /// triangle is computed.
  package let basis: [[Double]]
  /// The columns of T, one for each column of the matrix.
  package let triangle: [[Double]]

  /// Decomposes a matrix.
  ///
  /// - Parameters:
  ///   - columns: at least one column, each of `rowCount` numbers.
  ///   - formsBasis: whether to compute Q, which costs as much again.
  /// - Complexity: O(rowCount · columns²).
  package init(_ columns: [[Double]], rowCount: Int, formsBasis: Bool = true) {
    var qr = BlockedQR(width: columns.count, keepsBasis: formsBasis)
    let stride = qr.stride
    var rows = [Double](repeating: 0, count: BlockedQR.blockRowCount * stride)
    var row = 0
    while row < rowCount {
      let count = min(BlockedQR.blockRowCount, rowCount - row)
      for (column, values) in columns.enumerated() {
        for index in 0..<count { rows[index * stride + column] = values[row + index] }
      }
      qr.add(&rows, count: count)
      row += count
    }
    let size = min(rowCount, columns.count)
    triangle = columns.indices.map { column in
      (0..<size).map { qr.triangle[$0 * stride + column] }
    }
    var identity = [Double](repeating: 0, count: formsBasis ? stride * stride : 0)
    for index in 0..<(formsBasis ? stride : 0) { identity[index * stride + index] = 1 }
    let q = formsBasis ? qr.basis(times: identity, columns: stride) : []
    basis = (0..<(formsBasis ? size : 0)).map { column in
      (0..<rowCount).map { q[$0 * stride + column] }
    }
  }
}
