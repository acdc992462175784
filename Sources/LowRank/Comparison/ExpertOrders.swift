// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Whether the columns of B of stacked experts were taken expert by expert in place of component by
/// component, or the reverse.
struct ExpertOrders {
  private let left: DeltaUnit
  private let right: DeltaUnit

  /// The most elements that are compared, of the first outputs of all experts.
  private static let largestCount = 1 << 22

  init(_ left: DeltaUnit, _ right: DeltaUnit) {
    self.left = left
    self.right = right
  }

  /// Whether the second update is the first one with this mistake.
  ///
  /// - Throws: what reading throws.
  /// - Complexity: O(elements of a factor, at most a few million).
  var isMistaken: Bool {
    get throws(CheckpointError) {
      let count = left.parts.count
      guard count > 1, count == right.parts.count, let first = left.parts.first,
        let second = right.parts.first, first.rank == second.rank, first.hasShape(of: second),
        let a = first.views?.a, let otherA = second.views?.a
      else { return false }
      let rank = first.rank
      let outputs = min(first.outputs, max(1, Self.largestCount / max(1, count * rank)))
      let rounding = first.rounding(to: second)
      guard
        rounding.a.agreement(
          ScaledFactor(matrix: try FactorMatrix(a), scale: 1),
          ScaledFactor(matrix: try FactorMatrix(otherA), scale: 1)) != .none
      else { return false }
      let (l, r) = (try columns(of: left, outputs), try columns(of: right, outputs))
      func agree(_ place: (_ expert: Int, _ row: Int) -> (Int, Int)) -> Bool {
        for expert in 0..<count {
          for row in 0..<rank {
            let (sourceExpert, sourceRow) = place(expert, row)
            guard
              rounding.b.agreement(
                l[sourceExpert], r[expert], rows: ([sourceRow], [row])) != .none
            else { return false }
          }
        }
        return true
      }
      return agree { expert, row in
        let place = row * count + expert
        return (place / rank, place % rank)
      }
        || agree { expert, row in
          let place = expert * rank + row
          return (place % count, place / count)
        }
    }
  }

  private func columns(of unit: DeltaUnit, _ outputs: Int) throws(CheckpointError) -> [ScaledFactor]
  {
    var columns: [ScaledFactor] = []
    for part in unit.parts {
      guard let b = part.views?.b else { continue }
      let matrix = try FactorMatrix(b.subrange(axis: 1, 0..<outputs))
      columns.append(ScaledFactor(matrix: matrix, scale: part.scale))
    }
    return columns
  }
}
