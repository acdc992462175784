// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import PEFT
internal import Tensors

extension LoRAReader {
  private static let modelPrefix = "base_model.model."

  /// The tensors of the file that belong to no update (spec/low-rank.md, U26).
  func others() throws(CheckpointError) -> [LowRankAdapter.OtherTensor] {
    let weights = adapter.weights
    let used = Set(tensors.flatMap(\.places.values))
    let saved = SavedModules((try? adapter.config.savedModules) ?? [])
    let learnsBias = (adapter.config.document["bias"]?.string ?? "none") != "none"
    let tokens = TrainedTokens(adapter.config)
    let embeddings = Set(modules.filter { $0.kind == .embedding }.map(\.name))
    var others: [LowRankAdapter.OtherTensor] = []
    for index in 0..<weights.tensorCount where !used.contains(index) {
      let tensor = weights.tensor(at: index).name
      let file = tensor.string
      let path =
        file.hasPrefix(Self.modelPrefix) ? String(file.dropFirst(Self.modelPrefix.count)) : file
      let name = path.components.filter { $0 != "base_layer" }.dotted
      let module = name.components.dropLast().dotted
      let kind: LowRankAdapter.OtherTensor.Kind
      if name.hasSuffix(".token_adapter.trainable_tokens_delta") {
        let embedding = name.components.dropLast(2).dotted
        kind = .trainedTokens(tokens.groups.first { $0.isAbout(embedding) }?.tokens ?? [])
      } else if saved.contains(tensor) {
        kind = .savedModule
      } else if name.hasSuffix(".bias"), learnsBias {
        kind = .bias
      } else if name.hasSuffix(".weight"), embeddings.contains(module) || path != name {
        kind = .wholeEmbedding
      } else {
        kind = .unknown
      }
      others.append(
        LowRankAdapter.OtherTensor(view: try FactorView(weights, at: index), name: name, kind: kind)
      )
    }
    return others
  }
}
