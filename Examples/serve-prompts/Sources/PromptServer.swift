// SPDX-License-Identifier: Apache-2.0
import PeftKit

/// Prompts for batches of requests, computed from the memory map of an MPT adapter.
///
/// It can be used by several tasks at a time. The factors stay in the file: the memory is that of a
/// batch.
struct PromptServer: Sendable {
  private let adapter: MultitaskPromptAdapter

  /// Opens an adapter directory, and maps its weights.
  init(path: String) throws(CheckpointError) {
    adapter = try MultitaskPromptAdapter(path: path)
  }

  /// The number of tasks, of the virtual tokens of a prompt, and of the values of a token.
  var dimensions: MultitaskPromptDimensions { adapter.dimensions }

  /// The prompts [requests, virtual tokens, dimension] for the task of each request, in the dtype of
  /// the model.
  func prompts(forTasks tasks: [Int], in dtype: DType) throws(CheckpointError) -> PromptOutput {
    let input = try PromptInput(taskIDs: tasks, for: adapter.dimensions)
    return try adapter.embedding.forward(input, dtype: dtype)
  }
}
