// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import PEFT
public import Tensors

/// The quantity of which an average of tasks takes the mean.
public enum TaskAverage: String, Sendable, CaseIterable {
  /// The mean of `cols` and the mean of `rows`, as PEFT's AVERAGE_SOURCE_TASKS. The rank does
  /// not change, and the prompt is not the mean of the tasks' prompts.
  case factors
  /// The mean of `cols @ rows`, and so of the effective prompts: the rank grows to that of the sum.
  case prompts
}

extension MultitaskPromptAdapter {
  /// Averages tasks into an adapter of one task.
  ///
  /// - Parameters:
  ///   - tasks: the tasks, at least one; nil for all.
  ///   - average: the averaged quantity. The mean of factors has the same bits as torch's.
  ///   - rank: for prompts, the rank of the approximation of their mean; nil for the least of
  ///     tasks · R, V and D, at which it is exact up to rounding.
  /// - Returns: the adapter, with the error of its one task against the exact mean; 0 for factors.
  /// - Throws: `invalidArgument` for tasks that do not exist, a rank for the mean of factors, and
  ///   weights that are not finite; `unsupported` as ``changingRank(to:)``.
  /// - Complexity: O(tasks · (V + D) · R); for prompts O((V + D) · (tasks · R)²).
  public func averaging(
    tasks: [Int]? = nil, of average: TaskAverage = .factors, rank: Int? = nil
  ) throws(CheckpointError) -> ApproximatedAdapter {
    let tasks = tasks ?? Array(0..<dimensions.taskCount)
    guard !tasks.isEmpty else { throw .invalidArgument("there are no tasks to average") }
    for task in tasks { try checkTask(task) }
    try checkValues()
    switch average {
    case .factors:
      guard rank == nil else {
        throw .invalidArgument(
          "the mean of factors keeps their rank; only the mean of prompts can have another")
      }
      let adapter = try computed(
        columns: try mean(.columns, of: tasks), rows: try mean(.rows, of: tasks), taskCount: 1,
        rank: dimensions.rank)
      return ApproximatedAdapter(adapter: adapter, errors: [0])
    case .prompts:
      let sum = try stacked(tasks)
      let rank = rank ?? min(sum.rank, sum.tokenCount, sum.width)
      try checkRank(rank, taskCount: 1)
      let result = rank >= sum.rank ? sum.padded(to: rank) : sum.approximated(rank: rank)
      let (adapter, rounded) = try computed([result], rank: rank)
      return ApproximatedAdapter(
        adapter: adapter, errors: [sum.relativeDistance(to: rounded[0])])
    }
  }

  private func mean(
    _ tensor: MultitaskPromptTensor, of tasks: [Int]
  ) throws(CheckpointError) -> ComputedTensor {
    let format = try format(of: tensor)
    let bytes = try bytes(of: tensor, tasks: tasks)
    let values = TaskMean.values(
      of: bytes.span.rawBytes, format: format, taskCount: tasks.count)
    var shape = adapter.weights.tensor(at: try adapter.weights.place(of: tensor)).shape
    shape.dimensions[0] = 1
    return try ComputedTensor(tensor, shape: shape, values: values, format: format)
  }

  /// The mean of products as one product: the columns, divided by the number of tasks, side by
  /// side, and the rows below each other.
  private func stacked(_ tasks: [Int]) throws(CheckpointError) -> TaskFactors {
    let parts = try tasks.map { task throws(CheckpointError) in try factors(ofTask: task) }
    let columns = (0..<dimensions.virtualTokenCount).flatMap { token in
      parts.flatMap { part in
        part.columns[token * part.rank..<(token + 1) * part.rank].map { $0 / Double(tasks.count) }
      }
    }
    return TaskFactors(
      tokenCount: dimensions.virtualTokenCount, rank: dimensions.rank * tasks.count,
      width: dimensions.tokenDimension, columns: columns, rows: parts.flatMap(\.rows))
  }
}
