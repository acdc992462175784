// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import JSONDocument
public import LowRank
internal import PEFT
public import Tensors

/// PEFT's own adapters: a directory with a config and weights (spec/bridges.md, BR5).
public struct PEFTHome: AdapterHome {
  public let name = "peft"
  public let summary = "a PEFT adapter directory"

  public init() {}

  public func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter? {
    guard source.isDirectory, AdapterDirectory.hasConfig(source.path) else { return nil }
    let config = try AdapterConfig(path: source.path + "/" + AdapterConfig.fileName)
    guard config.document["peft_type"] != nil else { return nil }
    return try LowRankAdapter(Adapter(path: source.path), base: source.base)
  }

  public func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    let writer = try PEFTConfigWriter(adapter)
    let config = writer.config()
    let weights = PEFTTensors(adapter, config: config, dtype: options.dtype)
    let format = CheckpointFormats.standard
    let archive = try ComposedArchive(
      path: adapter.path, format: format, metadata: ["format": "pt"], tensors: weights.tensors)
    return BridgePlan(
      directory: [
        BridgePlan.File(AdapterConfig.fileName, .bytes(config.encoded())),
        BridgePlan.File("adapter_model" + format.fileExtension, .weights(archive, format)),
      ], isExact: weights.keepsDTypes && writer.isExact)
  }
}
