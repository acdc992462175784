// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import PEFT
internal import Tensors

extension MultitaskPromptAdapter {
  /// Creates an adapter with the prompt and companions of this one and other factors.
  ///
  /// Its config says RANDOM if this one names a source checkpoint, which PEFT would read again, and
  /// refuse for more than one task.
  func computed(
    columns: ComputedTensor, rows: ComputedTensor, taskCount: Int, rank: Int,
    origins: [String]? = nil
  ) throws(CheckpointError) -> ComputedAdapter {
    var config = config.detachedFromSource
    config.taskCount = taskCount
    config.rank = rank
    return ComputedAdapter(
      config: config.adapterConfig,
      tensors: [columns, rows, try carried(.embeddings)] + companions,
      origins: origins ?? [adapter.directory.path])
  }

  /// Creates an adapter from the factors of each task, rounded to the dtypes of this one's factors.
  ///
  /// - Returns: the adapter, and the rounded factors.
  func computed(
    _ tasks: [TaskFactors], rank: Int
  ) throws(CheckpointError) -> (adapter: ComputedAdapter, rounded: [TaskFactors]) {
    let sizes = MultitaskPromptDimensions(
      taskCount: tasks.count, virtualTokenCount: dimensions.virtualTokenCount, rank: rank,
      tokenDimension: dimensions.tokenDimension)
    let columnFormat = try format(of: .columns)
    let rowFormat = try format(of: .rows)
    let columns = try ComputedTensor(
      .columns, shape: sizes.shape(of: .columns), values: tasks.flatMap(\.columns),
      format: columnFormat)
    let rows = try ComputedTensor(
      .rows, shape: sizes.shape(of: .rows), values: tasks.flatMap(\.rows), format: rowFormat)
    let rounded = tasks.map { task in
      TaskFactors(
        tokenCount: task.tokenCount, rank: rank, width: task.width,
        columns: columnFormat.rounded(task.columns), rows: rowFormat.rounded(task.rows))
    }
    let adapter = try computed(columns: columns, rows: rows, taskCount: tasks.count, rank: rank)
    return (adapter, rounded)
  }

  /// Refuses a rank below 1, and one whose tensors would have more than 2^32 elements.
  func checkRank(_ rank: Int, taskCount: Int) throws(CheckpointError) {
    guard rank >= 1 else { throw .invalidArgument("a rank must be at least 1, but is \(rank)") }
    let extent = max(dimensions.virtualTokenCount, dimensions.tokenDimension)
    let (count, overflow) = rank.multipliedReportingOverflow(by: extent * taskCount)
    guard !overflow, UInt(count) <= MultitaskPromptInitialization.largestElementCount else {
      throw CheckpointError(
        .unsupported, "at rank \(rank) a tensor would have more than 2^32 elements",
        path: adapter.directory.path)
    }
  }
}

extension FloatFormat {
  /// Values, rounded to this format.
  func rounded(_ values: [Double]) -> [Double] {
    values.map { value(ofBits: bits(rounding: $0)) }
  }
}
