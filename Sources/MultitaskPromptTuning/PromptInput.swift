// SPDX-License-Identifier: Apache-2.0
public import PEFT
public import Tensors

/// The input of a forward: the `indices` and `task_ids` of PEFT's module.
public struct PromptInput: Sendable, Hashable {
  /// The task of each prompt, or one for all (PEFT's `task_ids`, [B or 1]).
  public let taskIDs: [Int]
  /// The row of the prompt for each position, [B, L], row-major.
  public let indices: [Int]
  /// B, the number of prompts.
  public let batchCount: Int
  /// L, the number of positions in each prompt.
  public let sequenceLength: Int

  /// Creates an input, and checks it against the sizes of the adapter
  /// (spec/multitask-prompt-tuning.md, M10 to M15).
  ///
  /// - Parameters:
  ///   - taskIDs: each in 0..<tasks; one, or as many as the batch has prompts.
  ///   - indices: [batchCount, sequenceLength], each in 0..<virtual tokens; nil for 0, 1, 2, … in
  ///     every prompt, then `sequenceLength` must be the number of virtual tokens.
  ///   - batchCount: B.
  ///   - sequenceLength: L: the number of virtual tokens; any, when there is one virtual token.
  ///   - dimensions: the sizes of the adapter.
  /// - Throws: `invalidArgument` naming the id or count that does not fit.
  /// - Complexity: O(B · L).
  public init(
    taskIDs: [Int], indices: [Int]? = nil, batchCount: Int, sequenceLength: Int,
    for dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) {
    let tokens = dimensions.virtualTokenCount
    guard taskIDs.count == 1 || taskIDs.count == batchCount else {
      throw .invalidArgument(
        "the number of task ids is \(taskIDs.count), but the number of prompts is \(batchCount); "
          + "give one id, or one for each prompt")
    }
    guard sequenceLength == tokens || tokens == 1 else {
      throw .invalidArgument(
        "each prompt has \(sequenceLength) indices, but the adapter has \(tokens) virtual tokens"
      )
    }
    if let task = taskIDs.first(where: { !(0..<dimensions.taskCount).contains($0) }) {
      throw .missing(task: task, of: dimensions.taskCount)
    }
    let (count, overflow) = batchCount.multipliedReportingOverflow(by: sequenceLength)
    guard batchCount >= 0, sequenceLength >= 0, !overflow else {
      throw .invalidArgument("\(batchCount) prompts of \(sequenceLength) indices are too many")
    }
    if let indices {
      guard indices.count == count else {
        throw .invalidArgument(
          "\(indices.count) indices are not \(batchCount) prompts of \(sequenceLength)")
      }
      if let place = indices.firstIndex(where: { !(0..<tokens).contains($0) }) {
        throw .invalidArgument(
          "there is no virtual token \(indices[place]) (prompt \(place / sequenceLength), position "
            + "\(place % sequenceLength)): the adapter has \(IDRange("virtual token", tokens))")
      }
      self.indices = indices
    } else {
      guard sequenceLength == tokens else {
        throw .invalidArgument(
          "prompts of \(sequenceLength) positions need indices: the adapter has "
            + "\(IDRange("virtual token", tokens))")
      }
      self.indices = (0..<count).map { $0 % tokens }
    }
    self.taskIDs = taskIDs
    self.batchCount = batchCount
    self.sequenceLength = sequenceLength
  }

  /// Creates an input of one prompt for each task, with every virtual token in order.
  ///
  /// - Throws: `invalidArgument` for a task that the adapter does not have.
  public init(
    taskIDs: [Int], for dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) {
    try self.init(
      taskIDs: taskIDs, batchCount: taskIDs.count, sequenceLength: dimensions.virtualTokenCount,
      for: dimensions)
  }
}
