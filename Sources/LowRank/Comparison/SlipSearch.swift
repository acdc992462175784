// SPDX-License-Identifier: Apache-2.0

/// Looks for the mistake by which two updates differ, in their factors (spec/deltas.md, DC6).
///
/// Each guess is compared element by element, and nearly all fail at the first.
struct SlipSearch {
  let left: LoadedPart
  let right: LoadedPart
  let rounding: (a: FactorRounding, b: FactorRounding)

  private typealias Place = (_ row: Int, _ column: Int) -> (row: Int, column: Int)

  /// The slip; nil where none of the known ones explains the difference.
  var slip: DeltaSlip? {
    guard left.a.rank == right.a.rank, left.a.rank > 0 else { return nil }
    if rounding.a.agreement(left.first, right.first) != .none {
      if let slip = slipOfB { return slip }
    }
    if rounding.b.agreement(left.second, right.second) != .none,
      isTransposed(left.first, right.first, rounding.a)
    {
      return .transposed(.a)
    }
    return isExchanged ? .exchangedFactors : nil
  }

  private var slipOfB: DeltaSlip? {
    let (l, r) = (left.second, right.second)
    if isTransposed(l, r, rounding.b, isColumnMajor: true) { return .transposed(.b) }
    guard l.matrix.length == r.matrix.length else { return nil }
    for order in RowOrders(count: l.matrix.length).all {
      if rounding.b.agrees(l, r, place: { ($0, order.source($1)) }) { return order.slip }
    }
    return hasOtherOrder(l, r) ? .rowOrder : nil
  }

  /// Whether one factor has the elements of the transpose of the other in its own shape.
  ///
  /// - Parameter isColumnMajor: whether the file has the factor as [length, rank].
  private func isTransposed(
    _ left: ScaledFactor, _ right: ScaledFactor, _ rounding: FactorRounding,
    isColumnMajor: Bool = false
  ) -> Bool {
    let (rank, length) = (right.matrix.rank, right.matrix.length)
    guard left.matrix.rank == rank, left.matrix.length == length else { return false }
    let inRows: Place = { row, column in
      let place = row * length + column
      return (place % rank, place / rank)
    }
    let inColumns: Place = { row, column in
      let place = column * rank + row
      return (place / length, place % length)
    }
    // For B the roles of the two are exchanged: each covers one direction of the mistake.
    return rounding.agrees(left, right, place: isColumnMajor ? inColumns : inRows)
      || rounding.agrees(left, right, place: isColumnMajor ? inRows : inColumns)
  }

  /// Whether A is the other's B and B its A, transposed or in the order of the file.
  private var isExchanged: Bool {
    let (rank, inputs, outputs) = (right.a.rank, right.a.length, right.b.length)
    guard left.a.length == inputs, left.b.length == outputs, inputs == outputs else { return false }
    let (a, b) = (rounding.a, rounding.b)
    let (leftB, rightB) = (left.second.scaled(to: 1), right.second.scaled(to: 1))
    if a.agreement(leftB, right.first) != .none, b.agreement(left.first, rightB) != .none {
      return true
    }
    return a.agrees(
      leftB, right.first,
      place: { row, column in
        let place = row * inputs + column
        return (place % rank, place / rank)
      })
      && b.agrees(
        left.first, rightB,
        place: { row, column in
          let place = column * rank + row
          return (place / inputs, place % inputs)
        })
  }

  /// Whether the rows of B are the same in another order.
  private func hasOtherOrder(_ left: ScaledFactor, _ right: ScaledFactor) -> Bool {
    func sorted(_ factor: ScaledFactor) -> [Int] {
      let (matrix, sign) = (factor.matrix, factor.scale < 0 ? -1.0 : 1)
      return (0..<matrix.length).sorted { first, second in
        for row in 0..<matrix.rank {
          let (x, y) = (matrix[row, first] * sign, matrix[row, second] * sign)
          if x != y { return x < y }
        }
        return first < second
      }
    }
    let (first, second) = (sorted(left), sorted(right))
    var source = [Int](repeating: 0, count: first.count)
    for (from, to) in zip(first, second) { source[to] = from }
    return rounding.b.agrees(left, right, place: { ($0, source[$1]) })
  }
}
