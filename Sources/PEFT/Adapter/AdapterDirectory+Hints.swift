// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import Files

extension AdapterDirectory {
  /// Weights files that other tools write next to an `adapter_config.json` of their own.
  private static let foreignWeights: [(names: [String], tool: String)] = [
    (["adapters.safetensors", "adapters.npz"], "MLX"),
    (["pytorch_adapter.bin", "adapter.safetensors"], "AdapterHub"),
  ]

  /// What a directory holds instead of weights that PEFT loads; nil where that is not known.
  static func otherWeightsHint(for directory: String) -> String? {
    guard let names = try? DirectoryTree.files(in: directory) else { return nil }
    if names.contains(AdapterConfig.fileName) {
      for (weights, tool) in foreignWeights {
        if let name = weights.first(where: names.contains) {
          return "\(name) is the weights file of an adapter of \(tool), not of PEFT"
        }
      }
    }
    if names.contains(AdapterConfig.fileName),
      let name = ModelDirectory.weightsNames.first(where: names.contains)
    {
      return "\(name) is the name of a model's weights; PEFT loads those of an adapter from "
        + "\(weightsNames.joined(separator: " or "))"
    }
    for weights in weightsNames {
      guard let dot = weights.lastIndex(of: ".") else { continue }
      let naming = ShardNaming(
        stem: String(weights[..<dot]), fileExtension: String(weights[dot...].dropFirst()))
      if names.contains(naming.indexName) {
        return "PEFT does not load shards; convert \(naming.indexName) to \(weights), one file"
      }
      if let shard = names.first(where: { naming.covers($0) && $0 != weights }) {
        return
          "\(shard) is one of several shards, which PEFT does not load, and their index is missing"
      }
    }
    if let shard = names.first(where: DistributedShard.isShardName) {
      return
        "\(shard) is a shard of torch.distributed.checkpoint; consolidate the shards with torch first"
    }
    return nil
  }
}
