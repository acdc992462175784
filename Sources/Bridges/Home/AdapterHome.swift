// SPDX-License-Identifier: Apache-2.0
public import LowRank
public import PEFT
public import Tensors

/// A library that has low-rank adapters in files of its own, such as MLX or llama.cpp: how they are
/// read and written (spec/bridges.md, BR1).
///
/// Each home has one conforming type; `AdapterHomes.all` lists a value of each.
public protocol AdapterHome: Sendable {
  /// The identifier, as the command line spells it, such as `mlx`.
  var name: String { get }
  /// What its adapters are, in a few words: `MLX adapters (mlx-lm)`.
  var summary: String { get }
  /// Whether its files can hold the adapters of several models of a pipeline.
  var holdsPipelines: Bool { get }
  /// The methods of PEFT that its files can hold.
  var heldTypes: [PEFTType] { get }
  /// Whether its loader changes the base model where a config of PEFT asks for it.
  var changesBase: Bool { get }

  /// Reads an adapter; no tensor data is read.
  ///
  /// - Returns: nil when the source is not an adapter of this home. The contents decide.
  /// - Throws: what opening the files throws, and `unsupported` for adapters of the home that are not
  ///   low-rank updates.
  func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter?

  /// Plans the files of an adapter.
  ///
  /// - Parameters:
  ///   - adapter: the adapter, of any home.
  ///   - destination: the path that is to be written.
  ///   - options: the base model and the dtype.
  /// - Throws: `unsupported` for what the home cannot hold, by the name of the module or tensor;
  ///   `missing` for a base model that is needed and not given.
  func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan
}

extension AdapterHome {
  /// False: most homes are of single models.
  public var holdsPipelines: Bool { false }

  /// False: only PEFT does.
  public var changesBase: Bool { false }

  /// LoRA alone, in most homes.
  public var heldTypes: [PEFTType] { [.lora] }

  /// Plans the files of an adapter, as `plan`, of a kind that the home can hold at all.
  ///
  /// - Throws: `unsupported` for adapters of several models or of another method, for those of a base
  ///   model that only PEFT changes when it loads them, and for embeddings that differ from the base
  ///   model's; what `plan` throws.
  public func checkedPlan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    guard holdsPipelines || adapter.parts.isEmpty else {
      let names = adapter.parts.compactMap(\.component?.name).joined(separator: ", ")
      throw CheckpointError(
        .unsupported, "has adapters for several models (\(names)), which \(name) cannot hold",
        path: adapter.path)
    }
    var notes: [String] = []
    for part in adapter.parts.isEmpty ? [adapter] : adapter.parts {
      if !changesBase {
        try part.requireUnchangedBase()
        notes += try SavedEmbeddingComparison(part, base: options.base).notes
      }
      guard let type = try part.config?.peftType, !heldTypes.contains(type) else { continue }
      throw CheckpointError(
        .unsupported, "is a \(type.rawValue) adapter, which \(name) cannot hold", path: adapter.path
      )
    }
    var plan = try plan(adapter, to: destination, options: options)
    plan.notes += notes
    return plan
  }
}
