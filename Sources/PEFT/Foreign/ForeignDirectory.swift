// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import DistributedCheckpoint
internal import Files
internal import Tensors

/// A directory that is not a PEFT adapter's, told from the names of its files
/// (spec/adapter_config.md, C32).
struct ForeignDirectory {
  /// What is there instead, and what to do with it.
  let hint: String
  /// Whether it is an adapter of another library that can be converted into one of PEFT.
  let isConvertible: Bool

  /// Recognizes a directory.
  ///
  /// - Parameters:
  ///   - names: the names of its files.
  ///   - folders: the names of its subdirectories.
  ///   - weightsNames: the weights files that PEFT loads.
  init?(names: [String], folders: [String], weightsNames: [String]) {
    let hint =
      Self.knownHint(names, folders) ?? Self.shardHint(names, weightsNames)
      ?? Self.spellingHint(names, weightsNames) ?? Self.modelHint(names, weightsNames)
      ?? Self.trainerHint(names) ?? Self.exportHint(names, folders)
    guard let hint else { return nil }
    self.hint = hint
    isConvertible = Self.convertible.contains { names.contains($0) }
  }

  /// The weights of adapters that can be converted into those of PEFT.
  private static let convertible = ["adapters.safetensors", "adapters.npz"]

  /// Files and folders of other tools: one of the names, and what it says.
  private static let known: [(names: [String], needsConfig: Bool, hint: String)] = [
    (
      ["adapters.safetensors", "adapters.npz"], true,
      "is the weights file of an MLX adapter, which mlx-lm loads and PEFT does not"
    ),
    (
      ["pytorch_adapter.bin", "adapter.safetensors"], true,
      "is the weights file of an AdapterHub adapter, which the adapters library loads and PEFT does not"
    ),
    (
      ["pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"], false,
      "is the weights file of a diffusers LoRA, which load_lora_weights of diffusers loads; for PEFT, "
        + "convert the file to a PEFT adapter"
    ),
    (
      ["lora_model_state.pdparams"], false,
      "is the weights file of a PaddleNLP adapter, which PaddleNLP loads and PEFT does not"
    ),
    (
      ["policy_preprocessor.json", "train_config.json"], false,
      "is a file of a LeRobot policy, which LeRobot loads"
    ),
    (
      ["zero_to_fp32.py"], false,
      "belongs to a DeepSpeed checkpoint: convert the directory, whose partitions are put together"
    ),
    (
      [".metadata"], false,
      "belongs to a checkpoint of torch.distributed.checkpoint (FSDP): convert the directory, "
        + "whose shards are put together"
    ),
    (
      ["pytorch_model_fsdp.bin", "pytorch_model_fsdp_0", "optimizer_0"], false,
      "belongs to an FSDP checkpoint: convert pytorch_model_fsdp_0, whose shards are put together"
    ),
  ]

  private static func knownHint(_ names: [String], _ folders: [String]) -> String? {
    let hasConfig = names.contains(AdapterConfig.fileName)
    for entry in known where hasConfig || !entry.needsConfig {
      if let name = entry.names.first(where: { names.contains($0) || folders.contains($0) }) {
        return "\(name) \(entry.hint)"
      }
    }
    guard let shard = names.first(where: SliceNames.isShardName) else { return nil }
    return
      "\(shard.printable) is a shard of torch.distributed.checkpoint; convert the directory, whose "
      + "shards are put together"
  }

  /// A hint about the shards of an adapter, which PEFT does not load.
  private static func shardHint(_ names: [String], _ weightsNames: [String]) -> String? {
    for weights in weightsNames {
      guard let dot = weights.lastIndex(of: ".") else { continue }
      let naming = ShardNaming(
        stem: String(weights[..<dot]), fileExtension: String(weights[dot...].dropFirst()))
      if names.contains(naming.indexName) {
        return "PEFT does not load shards; convert \(naming.indexName) to \(weights), one file"
      }
      if let shard = names.first(where: { naming.covers($0) && $0 != weights }) {
        return "\(shard.printable) is one of several shards, which PEFT does not load, and their "
          + "index is missing"
      }
    }
    return nil
  }

  /// A hint about a file whose name differs in case, in `-` for `_`, or in an ending that was added.
  private static func spellingHint(_ names: [String], _ weightsNames: [String]) -> String? {
    for wanted in [AdapterConfig.fileName] + weightsNames where !names.contains(wanted) {
      let isWeights = wanted != AdapterConfig.fileName
      if isWeights && weightsNames.contains(where: names.contains) { continue }
      if let name = names.first(where: { spelling($0) == wanted }) {
        return "the name of \(name.printable) must be \(wanted)"
      }
    }
    return nil
  }

  private static func spelling(_ name: String) -> String {
    var text = name.lowercased()
    if text.hasSuffix(".txt") { text.removeLast(".txt".count) }
    for copy in [" (1)", " (2)", " copy"] {
      if let range = text.firstRange(of: copy) { text.removeSubrange(range) }
    }
    return String(text.map { $0 == "-" || $0 == " " ? "_" : $0 })
  }

  private static func modelHint(_ names: [String], _ weightsNames: [String]) -> String? {
    guard names.contains(AdapterConfig.fileName),
      let name = ModelDirectory.weightsNames.first(where: names.contains)
    else { return nil }
    return "\(name) is the name of a model's weights; PEFT loads those of an adapter from "
      + weightsNames.joined(separator: " or ")
  }

  private static func trainerHint(_ names: [String]) -> String? {
    guard names.contains("trainer_state.json") else { return nil }
    return "trainer_state.json belongs to a checkpoint of transformers' Trainer, which saved no "
      + "adapter here"
  }
}
