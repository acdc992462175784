/// A matrix of few columns taken apart: Q with orthonormal columns, T upper triangular (Householder).
///
/// Only + − × ÷ √ of F64 in a fixed order: the same bits on every machine.
struct ThinQR {
  /// Q's columns: as many as the matrix has rows or columns, whichever is less.
  let basis: [[Double]]
  /// T's columns, one for each of the matrix.
  let triangle: [[Double]]

  /// Takes a matrix apart.
  ///
  /// - Parameter columns: at least one, all of `rowCount`.
  /// - Complexity: O(rowCount · columns²).
  init(_ columns: [[Double]], rowCount: Int) {
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
    basis = (0..<size).map { index in
      var column = [Double](repeating: 0, count: rowCount)
      column[index] = 1
      for step in (0..<size).reversed() {
        Self.reflect(&column, by: reflectors[step], from: step)
      }
      return column
    }
  }

  /// The direction, of length √2, whose reflection clears a column below `start`; empty when that is
  /// clear already.
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
