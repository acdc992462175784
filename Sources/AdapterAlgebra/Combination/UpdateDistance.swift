// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The distance of a combined update from the weighted sum of the updates
/// (spec/adapter-algebra.md, AL39).
///
/// All factors are decomposed next to each other, as in spec/deltas.md DC2: nothing cancels that does
/// not cancel in the updates themselves.
struct UpdateDistance {
  /// ‖combined − sum‖.
  let difference: Double
  /// ‖sum‖.
  let norm: Double

  /// - Parameters:
  ///   - combined: the combined update; nil if it is the sum itself.
  ///   - module: the updates.
  /// - Throws: `malformed` for factors that are not finite; what reading throws.
  /// - Complexity: O((inputs + outputs) · (sum of ranks)²).
  init(of combined: LowRankModule?, from module: ModuleUpdates) throws(CheckpointError) {
    let updates = try LoadedUpdates(module)
    var (ranks, scales) = (updates.ranks, updates.factors.map { -$0 })
    var (rows, columns) = (updates.a, updates.b)
    var rank = 0
    if let combined {
      let matrices = try combined.matrices()[0]
      rank = matrices.a.sizes[0]
      ranks.insert(rank, at: 0)
      scales.insert(combined.scale.scale, at: 0)
      rows.insert(try matrices.a.finiteValues(), at: 0)
      columns.insert(try matrices.b.finiteValues(), at: 0)
    }
    let a = Self.triangle(
      rows, ranks, length: module.inputs, steps: { _ in (1, module.inputs) },
      scales: ranks.map { _ in 1 })
    let b = Self.triangle(
      columns, ranks, length: module.outputs, steps: { ($0, 1) }, scales: scales)
    var (difference, sum) = (ScaledSquares(), ScaledSquares())
    for row in 0..<b.width {
      for column in 0..<a.width {
        var (own, all) = (0.0, 0.0)
        for r in max(row, column)..<max(row, column, a.width) {
          let product = b.triangle[row * b.stride + r] * a.triangle[column * a.stride + r]
          all += product
          if r >= rank { own += product }
        }
        difference.add(all)
        sum.add(own)
      }
    }
    self.difference = combined == nil ? 0 : difference.norm
    norm = sum.norm
  }

  /// The triangle of factors next to each other, each of `length` rows.
  ///
  /// - Parameter steps: the distance of two rows of a factor of a rank, and of two columns.
  private static func triangle(
    _ factors: [[Double]], _ ranks: [Int], length: Int, steps: (Int) -> (row: Int, column: Int),
    scales: [Double]
  ) -> BlockedQR {
    var qr = BlockedQR(width: ranks.reduce(0, +))
    var rows = [Double](repeating: 0, count: BlockedQR.blockRowCount * qr.stride)
    for start in stride(from: 0, to: length, by: BlockedQR.blockRowCount) {
      let count = min(BlockedQR.blockRowCount, length - start)
      var first = 0
      for (index, rank) in ranks.enumerated() {
        let step = steps(rank)
        for row in 0..<count {
          for r in 0..<rank {
            rows[row * qr.stride + first + r] =
              factors[index][(start + row) * step.row + r * step.column] * scales[index]
          }
        }
        first += rank
      }
      qr.add(&rows, count: count)
    }
    return qr
  }
}
