// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import PEFT
public import Tensors

/// An adapter with recomputed factors, and the error of each task.
public struct ApproximatedAdapter: Sendable {
  /// The adapter.
  public let adapter: ComputedAdapter
  /// For each task, ‖new − old‖ / ‖old‖ by the Frobenius norm of `cols @ rows`, of the factors as
  /// written; 0 for equal products.
  public let errors: [Double]
}

extension MultitaskPromptAdapter {
  /// Changes the rank, with the best approximation of every task's `cols @ rows`.
  ///
  /// A rank that is not lower pads with zeros, and is exact. A lower rank keeps the largest
  /// singular values of the product, computed in F64; it is exact up to the rounding of the factors
  /// if the product has that rank. Both factors get the root of each singular value, and keep their
  /// dtypes.
  ///
  /// - Throws: `invalidArgument` for a rank below 1 and for weights that are not finite,
  ///   `unsupported` for tensors of more than 2^32 elements and for factors that their dtype cannot
  ///   hold.
  /// - Complexity: O(tasks · ((V + D) · R² + V · D · R)).
  public func changingRank(to rank: Int) throws(CheckpointError) -> ApproximatedAdapter {
    try checkRank(rank, taskCount: dimensions.taskCount)
    try checkValues()
    return try recomputed(rank: rank) { task in
      rank >= task.rank ? task.padded(to: rank) : task.approximated(rank: rank)
    }
  }

  /// Brings the factors into a normal form, in which adapters with the same products compare equal.
  ///
  /// `cols` and `rows` are unique only up to an invertible factor between them. The normal form is
  /// that of the singular value decomposition: `U√Σ` and `√ΣVᵀ`, with descending singular values, a
  /// positive largest component in each right vector, and zeros beyond the rank of the product. It
  /// is not unique for equal singular values, and for components within a relative 2^-20 of the
  /// largest.
  ///
  /// - Parameter tolerance: singular values up to this share of the task's largest become zero. If
  ///   a product has a lower rank, such values are only the rounding of its factors; 1e-6 removes
  ///   them from F32 factors.
  /// - Throws: as ``changingRank(to:)``.
  /// - Complexity: as ``changingRank(to:)``.
  public func canonicalized(
    tolerance: Double = 0
  ) throws(CheckpointError) -> ApproximatedAdapter {
    guard tolerance >= 0, tolerance < 1 else {
      throw .invalidArgument("a tolerance must be at least 0 and below 1, but is \(tolerance)")
    }
    try checkValues()
    return try recomputed(rank: dimensions.rank) { task in
      task.approximated(rank: task.rank, tolerance: tolerance)
    }
  }

  private func recomputed(
    rank: Int, _ compute: (TaskFactors) -> TaskFactors
  ) throws(CheckpointError) -> ApproximatedAdapter {
    let tasks = try (0..<dimensions.taskCount).map { task throws(CheckpointError) in
      try factors(ofTask: task)
    }
    let (adapter, rounded) = try computed(tasks.map(compute), rank: rank)
    return ApproximatedAdapter(
      adapter: adapter, errors: zip(tasks, rounded).map { $0.relativeDistance(to: $1) })
  }
}
