// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// The tensors and the config of an adapter of mlx-lm, which has one rank and one scale for all modules
/// (spec/mlx.md, MX2, MX3).
struct MLXFiles {
  let tensors: [ComposedTensor]
  let config: MLXConfig
  let notes: [String]
  /// Whether the factors are those of the source, bit by bit.
  let isExact: Bool

  init(
    _ updates: [MLXUpdate], of adapter: LowRankAdapter, _ options: BridgeOptions
  ) throws(CheckpointError) {
    let parts = updates.flatMap(\.parts)
    let scales = Set(parts.map(\.scale.scale))
    let ranks = Set(parts.map(\.scale.rank))
    let rank = ranks.max() ?? 1
    let folds = scales.count > 1
    let isDoRA = updates.contains { $0.magnitude != nil }
    let keys = MLXKeys(
      updates.map(\.name), base: options.base, config: adapter.config, isNeutral: !isDoRA)
    tensors = updates.flatMap {
      $0.tensors(rank: rank, foldsScale: folds, dtype: options.dtype)
    }
    config = MLXConfig(
      fineTuning: isDoRA ? .dora : .lora, rank: rank, scale: folds ? 1 : scales.first ?? 1,
      dropout: Self.dropout(adapter.config), keys: keys.keys,
      layerCount: keys.layerCount, model: adapter.baseModelName)
    var notes: [String] = []
    if folds {
      notes.append(
        "modules have \(Sizes.count(scales.count, "scale")): lora_b carries each, rounded to its dtype, "
          + "and \"scale\" is 1")
    }
    if ranks.count > 1 {
      notes.append(
        "ranks from \(ranks.min() ?? rank) to \(rank): smaller ones are padded with zeros")
    }
    if keys.areFull {
      notes.append(
        "\"keys\" are full names, which mlx-lm reads and mlx-swift-lm does not")
    }
    self.notes = notes
    let keepsDTypes = options.dtype.map { dtype in
      parts.allSatisfy { $0.a.dtype == dtype && $0.b.dtype == dtype }
    }
    isExact = !folds && ranks.count == 1 && keepsDTypes ?? true
  }

  /// The share of elements that training drops; 0 where the config has none that MLX takes.
  private static func dropout(_ config: AdapterConfig?) -> Double {
    guard let value = config?.document["lora_dropout"]?.number, 0 <= value, value < 1 else {
      return 0
    }
    return value
  }
}
