// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The factors of one task, `cols[k]` and `rows[k]`, as F64 numbers.
struct TaskFactors {
  /// V, the rows of the product.
  let tokenCount: Int
  /// R.
  let rank: Int
  /// D, the columns of the product.
  let width: Int
  /// [V, R], row-major.
  let columns: [Double]
  /// [R, D], row-major.
  let rows: [Double]

  /// Computes a row of `cols @ rows`, summed in ascending order of rank.
  func productRow(_ token: Int, into product: inout [Double]) {
    for index in 0..<width { product[index] = 0 }
    for r in 0..<rank {
      let factor = columns[token * rank + r]
      guard factor != 0 else { continue }
      let start = r * width
      for index in 0..<width { product[index] += factor * rows[start + index] }
    }
  }

  /// The same product at a larger rank: zeros are appended.
  func padded(to rank: Int) -> TaskFactors {
    var columns: [Double] = []
    columns.reserveCapacity(tokenCount * rank)
    for token in 0..<tokenCount {
      columns += self.columns[token * self.rank..<(token + 1) * self.rank]
      columns += repeatElement(0, count: rank - self.rank)
    }
    return TaskFactors(
      tokenCount: tokenCount, rank: rank, width: width, columns: columns,
      rows: rows + repeatElement(0, count: (rank - self.rank) * width))
  }

  /// The Frobenius norm of the difference of two products, relative to that of this one; 0 if they
  /// are equal.
  ///
  /// - Complexity: O(V · D · (both ranks)), and O(D) memory.
  func relativeDistance(to other: TaskFactors) -> Double {
    var (own, theirs) = ([Double](repeating: 0, count: width), [Double](repeating: 0, count: width))
    var (norm, distance) = (ScaledSquares(), ScaledSquares())
    for token in 0..<tokenCount {
      productRow(token, into: &own)
      other.productRow(token, into: &theirs)
      for index in 0..<width {
        norm.add(own[index])
        distance.add(own[index] - theirs[index])
      }
    }
    let length = distance.norm
    return length == 0 ? 0 : length / norm.norm
  }
}

extension MultitaskPromptAdapter {
  /// Reads the factors of a task.
  func factors(ofTask task: Int) throws(CheckpointError) -> TaskFactors {
    TaskFactors(
      tokenCount: dimensions.virtualTokenCount, rank: dimensions.rank,
      width: dimensions.tokenDimension, columns: try values(of: .columns, row: task),
      rows: try values(of: .rows, row: task))
  }

  /// The values of one row of a tensor, along its first dimension.
  func values(
    of tensor: MultitaskPromptTensor, row: Int
  ) throws(CheckpointError) -> [Double] {
    let format = try format(of: tensor)
    return try adapter.weights.withTensor(
      at: adapter.weights.place(of: tensor)
    ) { view throws(CheckpointError) in
      format.values(of: try view.rows(row..<row + 1).bytes)
    }
  }
}
