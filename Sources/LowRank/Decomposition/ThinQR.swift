// SPDX-License-Identifier: Apache-2.0

/// The Householder QR decomposition of a matrix with few columns: Q has orthonormal columns, T is
/// upper triangular.
///
/// Uses only + − × ÷ √ of F64 in a fixed order, so that every machine computes the same bits.
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
    let size = min(rowCount, columns.count)
    var columns = columns
    var reflectors: [[Double]] = []
    for step in 0..<size {
      let reflector = Self.reflector(for: columns[step], from: step)
      for index in step..<columns.count { Self.reflect(&columns[index], by: reflector, from: step) }
      reflectors.append(reflector)
    }
    triangle = columns.enumerated().map { column, values in
      (0..<size).map { $0 <= column ? values[$0] : 0 }
    }
    basis = (0..<(formsBasis ? size : 0)).map { index in
      var column = [Double](repeating: 0, count: rowCount)
      column[index] = 1
      for step in (0..<size).reversed() {
        Self.reflect(&column, by: reflectors[step], from: step)
      }
      return column
    }
  }

  /// The vector of length √2 whose reflection makes a column zero below `start`; empty when it is
  /// zero there already.
  private static func reflector(for column: [Double], from start: Int) -> [Double] {
    var direction = Array(column[start...])
    let length = dot(direction, direction).squareRoot()
    guard length > 0, direction.dropFirst().contains(where: { $0 != 0 }) else { return [] }
    direction[0] += direction[0] < 0 ? -length : length
    let scale = (2 / dot(direction, direction)).squareRoot()
    return direction.map { $0 * scale }
  }

  private static func reflect(_ column: inout [Double], by reflector: [Double], from start: Int) {
    guard !reflector.isEmpty else { return }
    var product = 0.0
    for index in reflector.indices { product += reflector[index] * column[start + index] }
    for index in reflector.indices { column[start + index] -= product * reflector[index] }
  }

  private static func dot(_ left: [Double], _ right: [Double]) -> Double {
    var sum = 0.0
    for index in left.indices { sum += left[index] * right[index] }
    return sum
  }
}
