// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension BaseModel {
  /// The number of blocks of the language model; nil where its config does not tell it.
  package var layerCount: Int? { number(of: ["num_hidden_layers", "n_layer", "num_layers"]) }

  /// The number of experts of a block; nil where the config does not tell it.
  package var expertCount: Int? {
    number(of: ["num_experts", "num_local_experts", "n_routed_experts"])
  }

  /// Whether the output embedding is tied to the input embedding; nil for a model without a config.
  package var tiesEmbeddings: Bool? {
    guard !config.isEmpty else { return nil }
    return tiesEmbeddings(modelType.flatMap(ModelClasses.type))
  }

  /// Whether embeddings of transformers have such a name: its last component tells it.
  package static func isEmbedding(named module: String) -> Bool {
    module.components.last.map(ModelClasses.embeddingNames.contains) ?? false
  }

  private func number(of keys: [String]) -> Int? {
    keys.lazy.compactMap { textConfig[$0]?.integer }.first.flatMap { $0 > 0 ? $0 : nil }
  }
}
