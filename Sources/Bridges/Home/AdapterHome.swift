// SPDX-License-Identifier: Apache-2.0
public import LowRank
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

  /// Reads an adapter; no tensor data is read.
  ///
  /// - Returns: nil when the source is not an adapter of this home. The contents decide.
  /// - Throws: what opening the files throws, and `unsupported` for adapters of the home that are not
  ///   low-rank updates.
  func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter?

  /// Plans the files of an adapter.
  ///
  /// - Parameter destination: the path that is to be written.
  /// - Throws: `unsupported` for what the home cannot hold, by the name of the module or tensor;
  ///   `missing` for a base model that is needed and not given.
  func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan
}
