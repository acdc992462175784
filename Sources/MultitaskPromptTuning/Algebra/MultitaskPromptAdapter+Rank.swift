internal import PEFT
public import Tensors

/// An adapter whose factors were computed anew, and how far that took each task.
public struct ApproximatedAdapter: Sendable {
  /// The adapter.
  public let adapter: ComputedAdapter
  /// For each task, ‖new − old‖ / ‖old‖ by the Frobenius norm of `cols @ rows`, of the factors as they
  /// are written; 0 for equal products.
  public let errors: [Double]
}

extension MultitaskPromptAdapter {
  /// The adapter at another rank, every task's `cols @ rows` approximated as well as that rank can.
  ///
  /// A rank that is not lower fills up with zeros, and is exact. A lower one keeps the largest singular
  /// values of the product, found from the factors in F64; it is exact up to the rounding of the factors
  /// where the product has that rank. Each singular value is shared out evenly between the factors,
  /// which keep their dtypes.
  ///
  /// - Throws: `invalidArgument` for a rank below 1 and for weights that are not finite, `unsupported`
  ///   for tensors of more than 2^32 elements and for factors that their dtype cannot hold.
  /// - Complexity: O(tasks · ((V + D) · R² + V · D · R)).
  public func changingRank(to rank: Int) throws(CheckpointError) -> ApproximatedAdapter {
    try checkRank(rank, taskCount: dimensions.taskCount)
    try checkValues()
    return try recomputed(rank: rank) { task in
      rank >= task.rank ? task.padded(to: rank) : task.approximated(rank: rank)
    }
  }

  /// The adapter in normal form, by which adapters that compute the same compare equal.
  ///
  /// `cols` and `rows` are unique only up to an invertible factor between them. The normal form is that
  /// of the singular value decomposition: `U√Σ` and `√ΣVᵀ`, by falling singular values, each right
  /// vector's largest component positive, zeros behind the product's rank. What stays undecided are
  /// equal singular values, and components within a relative 2^-20 of the largest.
  ///
  /// - Parameter tolerance: singular values up to this share of the task's largest become zero. The
  ///   factors of a product of lower rank hold only their rounding there, which no form can order; 1e-6
  ///   removes it from F32.
  /// - Throws: as ``changingRank(to:)``.
  /// - Complexity: as ``changingRank(to:)``.
  public func canonicalized(
    tolerance: Double = 0
  ) throws(CheckpointError) -> ApproximatedAdapter {
    guard tolerance >= 0, tolerance < 1 else {
      throw .invalidArgument("a tolerance must be at least 0 and below 1, and is \(tolerance)")
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
