// SPDX-License-Identifier: Apache-2.0

/// A factor times the scale that it carries.
struct ScaledFactor {
  let matrix: FactorMatrix
  let scale: Double

  func scaled(to scale: Double) -> ScaledFactor { ScaledFactor(matrix: matrix, scale: scale) }
}

/// Whether two factors are equal, up to one rounding of their elements.
enum FactorAgreement: Hashable {
  case exact
  case rounded
  case none
}

extension FactorRounding {
  /// The columns after which a comparison ends if an element differs.
  private static let blockCount = 64

  /// Compares two factors.
  ///
  /// - Parameter rows: the rows of each that are compared; nil for all of both.
  /// - Complexity: O(elements), and O(rank) for most unequal factors.
  func agreement(
    _ left: ScaledFactor, _ right: ScaledFactor, rows: (left: [Int], right: [Int])? = nil
  ) -> FactorAgreement {
    let (l, r) = (left.matrix, right.matrix)
    guard l.length == r.length else { return .none }
    let rows = rows ?? (Array(0..<l.rank), Array(0..<r.rank))
    guard rows.left.count == rows.right.count else { return .none }
    precondition(
      rows.left.allSatisfy((0..<l.rank).contains) && rows.right.allSatisfy((0..<r.rank).contains))
    let floor = floor * max(left.scale.magnitude, right.scale.magnitude)
    var differs = false
    // A few rows at a time, which are near each other in the memory of a transposed factor.
    for first in stride(from: 0, to: rows.left.count, by: 8) {
      let last = min(first + 8, rows.left.count)
      for start in stride(from: 0, to: l.length, by: Self.blockCount) {
        var fails = false
        for column in start..<min(start + Self.blockCount, l.length) {
          for row in first..<last {
            // SAFETY: the rows were checked above, and the column is less than the length of both.
            let x = unsafe l[unchecked: rows.left[row], column] * left.scale
            let y = unsafe r[unchecked: rows.right[row], column] * right.scale
            let size = x.magnitude > y.magnitude ? x.magnitude : y.magnitude
            differs = differs || x != y
            // NaN fails, too.
            fails = fails || !((x - y).magnitude <= relative * size + floor)
          }
        }
        if differs && fails { return .none }
      }
    }
    return differs ? .rounded : .exact
  }

  /// Whether the elements of the right factor are those of the left at other places.
  ///
  /// - Parameter place: the row and column in the left factor of an element of the right.
  /// - Complexity: as `agreement(_:_:rows:)`.
  func agrees(
    _ left: ScaledFactor, _ right: ScaledFactor,
    place: (_ row: Int, _ column: Int) -> (row: Int, column: Int)
  ) -> Bool {
    let floor = floor * max(left.scale.magnitude, right.scale.magnitude)
    for column in 0..<right.matrix.length {
      for row in 0..<right.matrix.rank {
        let source = place(row, column)
        let x = left.matrix[source.row, source.column] * left.scale
        let y = right.matrix[row, column] * right.scale
        guard (x - y).magnitude <= relative * max(x.magnitude, y.magnitude) + floor else {
          return false
        }
      }
    }
    return true
  }
}
