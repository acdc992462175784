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
  /// The columns that are compared at a time; an element that differs ends the comparison after them.
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
    let isWhole = rows == nil
    if isWhole, left.scale == right.scale, l.hasSameBytes(as: r) { return .exact }
    let rows = rows ?? (Array(0..<l.rank), Array(0..<r.rank))
    guard rows.left.count == rows.right.count else { return .none }
    let floor = floor * max(left.scale.magnitude, right.scale.magnitude)
    var blocks = (left: [Double](), right: [Double]())
    blocks.left = [Double](repeating: 0, count: Self.blockCount * max(1, l.rank))
    blocks.right = [Double](repeating: 0, count: Self.blockCount * max(1, r.rank))
    var scratch: [Double] = []
    var result = FactorAgreement.exact
    for start in stride(from: 0, to: l.length, by: Self.blockCount) {
      let range = start..<min(start + Self.blockCount, l.length)
      l.copy(
        columns: range, to: &blocks.left, from: 0, stride: l.rank, scratch: &scratch,
        factors: (left.scale, 1))
      r.copy(
        columns: range, to: &blocks.right, from: 0, stride: r.rank, scratch: &scratch,
        factors: (right.scale, 1))
      let agreement =
        isWhole
        ? compare(blocks.left.span, blocks.right.span, count: range.count * l.rank, floor)
        : compare(
          Self.chosen(rows.left, of: blocks.left, range.count, l.rank).span,
          Self.chosen(rows.right, of: blocks.right, range.count, r.rank).span,
          count: range.count * rows.left.count, floor)
      switch agreement {
      case .exact: break
      case .rounded: result = .rounded
      case .none: return .none
      }
    }
    return result
  }

  /// Some elements of each row of a block.
  private static func chosen(
    _ places: [Int], of block: [Double], _ count: Int, _ width: Int
  ) -> [Double] {
    (0..<count).flatMap { row in places.map { block[row * width + $0] } }
  }

  /// Compares numbers, all of them, so that the loop has no branches.
  private func compare(
    _ left: Span<Double>, _ right: Span<Double>, count: Int, _ floor: Double
  ) -> FactorAgreement {
    precondition(count <= left.count && count <= right.count)
    var (differs, fails) = (false, false)
    for index in 0..<count {
      // SAFETY: the index is less than the count, checked above.
      let (x, y) = unsafe (left[unchecked: index], right[unchecked: index])
      let size = x.magnitude > y.magnitude ? x.magnitude : y.magnitude
      differs = differs || x != y
      // NaN fails, too.
      fails = fails || !((x - y).magnitude <= relative * size + floor)
    }
    return differs ? (fails ? .none : .rounded) : .exact
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
