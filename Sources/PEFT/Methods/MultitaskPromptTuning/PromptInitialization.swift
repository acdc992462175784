// SPDX-License-Identifier: Apache-2.0

/// The initialisation of a prompt: `prompt_tuning_init`, PEFT's `MultitaskPromptTuningInit`.
public enum PromptInitialization: String, Sendable, CaseIterable {
  /// From the word embeddings of a text.
  case text = "TEXT"
  /// From normal distributions.
  case random = "RANDOM"
  /// From a source checkpoint: its prompt, and the mean of its tasks.
  case averageSourceTasks = "AVERAGE_SOURCE_TASKS"
  /// From a source checkpoint: its prompt, and one of its tasks.
  case exactSourceTask = "EXACT_SOURCE_TASK"
  /// From a source checkpoint: its prompt alone.
  case onlySourceShared = "ONLY_SOURCE_SHARED"

  /// Whether PEFT reads the source checkpoint whenever it builds the module.
  public var readsSource: Bool {
    switch self {
    case .averageSourceTasks, .exactSourceTask, .onlySourceShared: true
    case .text, .random: false
    }
  }
}
