// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank
internal import PEFT
public import Tensors

/// Statistics of the tasks of an adapter, and their pairwise similarity.
public struct TaskInsight: Sendable, Hashable {
  /// The statistics of one task.
  public struct Task: Sendable, Hashable {
    /// The Frobenius norm of its effective prompt, `embedding * (cols @ rows)`.
    public let norm: Double
    /// The participation ratio of the singular values of its `cols @ rows`: (Σσ²)² / Σσ⁴, from 1 to
    /// R; 0 if the product is zero.
    public let effectiveRank: Double
    /// The singular values of its `cols @ rows` above the rounding error of F64, in descending
    /// order.
    public let singularValues: [Double]
  }

  /// The tasks.
  public let tasks: [Task]
  /// The norms of the virtual tokens of each effective prompt, [tasks][V].
  public let tokenNorms: [[Double]]
  /// The cosines of the angles between the effective prompts, [tasks][tasks]; nil for a prompt that
  /// is zero.
  public let similarities: [[Double?]]
}

extension MultitaskPromptAdapter {
  /// The approximate number of multiplications of ``insight()``: K · V · D · (R + K).
  public var insightCost: Int {
    let sizes = dimensions
    let factors = [
      sizes.taskCount, sizes.virtualTokenCount, sizes.tokenDimension, sizes.rank + sizes.taskCount,
    ]
    return factors.reduce(1) { product, factor in
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      return overflow ? .max : next
    }
  }

  /// Computes the statistics of the tasks, in F64.
  ///
  /// One row of each effective prompt is in memory at a time.
  ///
  /// - Throws: `invalidArgument` for weights that are not finite, `system` when they cannot be
  ///   mapped.
  /// - Complexity: O(``insightCost``), and O(K · (V + D) · R) memory.
  public func insight() throws(CheckpointError) -> TaskInsight {
    for tensor in MultitaskPromptTensor.allCases { try checkValues(of: tensor) }
    let factors = try (0..<dimensions.taskCount).map { task throws(CheckpointError) in
      try self.factors(ofTask: task)
    }
    let (products, scales, tokenNorms) = try innerProducts(factors)
    let norms = products.indices.map { scales[$0] * products[$0][$0].squareRoot() }
    let similarities = products.indices.map { first in
      products.indices.map { second -> Double? in
        let lengths = (products[first][first] * products[second][second]).squareRoot()
        guard lengths > 0 else { return nil }
        return first == second ? 1 : max(-1, min(1, products[first][second] / lengths))
      }
    }
    let tasks = zip(factors, norms).map { factors, norm in
      let values = factors.svd().values
      return TaskInsight.Task(
        norm: norm, effectiveRank: SingularValues.effectiveRank(of: values), singularValues: values)
    }
    return TaskInsight(tasks: tasks, tokenNorms: tokenNorms, similarities: similarities)
  }

  /// The inner products of the effective prompts, each divided by its own power of two, so that
  /// squares neither overflow nor underflow, and the norms of their rows.
  private func innerProducts(
    _ factors: [TaskFactors]
  ) throws(CheckpointError) -> (
    products: [[Double]], scales: [Double], tokenNorms: [[Double]]
  ) {
    var embeddings = 0.0
    for token in 0..<dimensions.virtualTokenCount {
      embeddings = try values(of: .embeddings, row: token).reduce(embeddings) {
        max($0, $1.magnitude)
      }
    }
    let scales = factors.map { factors in
      let columns = factors.columns.reduce(0.0) { max($0, $1.magnitude) }
      let rows = factors.rows.reduce(0.0) { max($0, $1.magnitude) }
      let largest = columns * rows * embeddings
      return largest.isNormal ? largest.binade : 1
    }
    var products = [[Double]](
      repeating: [Double](repeating: 0, count: factors.count), count: factors.count)
    var rows = [[Double]](
      repeating: [Double](repeating: 0, count: dimensions.tokenDimension), count: factors.count)
    var tokenNorms = [[Double]](repeating: [], count: factors.count)
    for token in 0..<dimensions.virtualTokenCount {
      let embedding = try values(of: .embeddings, row: token)
      for task in factors.indices {
        factors[task].productRow(token, into: &rows[task])
        for index in embedding.indices { rows[task][index] *= embedding[index] / scales[task] }
        tokenNorms[task].append(scales[task] * Self.dot(rows[task], rows[task]).squareRoot())
      }
      for first in factors.indices {
        for second in 0...first { products[first][second] += Self.dot(rows[first], rows[second]) }
      }
    }
    for first in factors.indices {
      for second in 0..<first { products[second][first] = products[first][second] }
    }
    return (products, scales, tokenNorms)
  }

  private static func dot(_ left: [Double], _ right: [Double]) -> Double {
    var sums = SIMD8<Double>()
    let whole = left.count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      for lane in 0..<8 { sums[lane] += left[start + lane] * right[start + lane] }
    }
    var sum = 0.0
    for lane in 0..<8 { sum += sums[lane] }
    for index in whole..<left.count { sum += left[index] * right[index] }
    return sum
  }
}
