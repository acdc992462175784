// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
package import LowRank
internal import PEFT
package import Tensors

extension LowRankAdapter {
  /// Values of `init_lora_weights` with which PEFT leaves the base model as it is.
  private static let plainInitializations: Set<String> = [
    "gaussian", "eva", "orthogonal", "mica", "lora_ga",
  ]

  /// Refuses an adapter of a base model that PEFT changes when it loads the adapter: there, the updates
  /// are not all that the adapter does (spec/bridges.md, BR12).
  ///
  /// - Throws: `unsupported`, with the key of the config.
  func requireUnchangedBase() throws(CheckpointError) {
    if config?.document["layer_replication"]?.isTruthy == true {
      throw CheckpointError(
        .unsupported,
        "\"layer_replication\": the adapter is of a base model whose layers PEFT replicates",
        path: path, hint: "PEFT's merge_and_unload makes such a model")
    }
    try requireUnchangedWeights()
  }

  /// Refuses an adapter of a base model whose weights PEFT changes when it loads the adapter, by its
  /// initial factors.
  ///
  /// - Throws: `unsupported`, with the key of the config.
  package func requireUnchangedWeights() throws(CheckpointError) {
    guard let value = config?.document["init_lora_weights"]?.string, !value.isEmpty,
      !Self.plainInitializations.contains(value.lowercased())
    else { return }
    throw CheckpointError(
      .unsupported,
      "\"init_lora_weights\" \(value.excerpt): PEFT changes the base model when it loads the adapter",
      path: path,
      hint: "PEFT saves a plain adapter with path_initial_model_for_weight_conversion")
  }
}
