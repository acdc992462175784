// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import JSONDocument
public import LowRank
public import PEFT
public import Tensors

/// PEFT's own adapters: a directory with a config and weights (spec/bridges.md, BR5).
public struct PEFTHome: AdapterHome {
  public let name = "peft"
  public let summary = "a PEFT adapter directory"
  public let holdsPipelines = true
  public let heldTypes: [PEFTType] = [.lora] + FactoredAdapter.types

  public let changesBase = true

  public init() {}

  public func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter? {
    guard source.isDirectory else { return nil }
    if let adapter = try adapter(source.path, base: source.base) { return adapter }
    // The adapters of a pipeline have folders with the names of its models.
    var parts: [LowRankAdapter] = []
    for component in PipelineComponent.all {
      let folder = source.path + (source.path.hasSuffix("/") ? "" : "/") + component.name
      let base = source.base?.components.first { $0.component == component }?.model
      guard var part = try adapter(folder, base: base) else { continue }
      part.component = component
      parts.append(part)
    }
    guard parts.count > 1 else { return parts.first }
    return LowRankAdapter(path: source.path, parts: parts)
  }

  private func adapter(
    _ path: String, base: BaseModel?
  ) throws(CheckpointError) -> LowRankAdapter? {
    guard AdapterDirectory.hasConfig(path) else { return nil }
    let config = try AdapterConfig(path: path + "/" + AdapterConfig.fileName)
    guard config.document["peft_type"] != nil else { return nil }
    let adapter = try Adapter(path: path)
    do throws(CheckpointError) {
      return FactoredAdapter.types.contains(try config.peftType)
        ? try FactoredAdapter.read(adapter) : try LowRankAdapter(adapter, base: base)
    } catch {
      throw error.inFile(adapter.directory.configPath)
    }
  }

  public func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    guard !adapter.parts.isEmpty else {
      let own = try files(of: adapter, dtype: options.dtype)
      return BridgePlan(directory: own.files, isExact: own.isExact)
    }
    var files: [BridgePlan.File] = []
    var isExact = true
    for part in adapter.parts {
      let own = try self.files(of: part, dtype: options.dtype)
      let folder = part.component.map { $0.name + "/" } ?? ""
      files += own.files.map { BridgePlan.File(folder + $0.name, $0.contents) }
      isExact = isExact && own.isExact
    }
    return BridgePlan(
      directory: files,
      notes: ["has adapters for several models, each of which gets a directory of its own"],
      isExact: isExact)
  }

  /// The config and the weights of an adapter.
  private func files(
    of adapter: LowRankAdapter, dtype: DType?
  ) throws(CheckpointError) -> (files: [BridgePlan.File], isExact: Bool) {
    let writer = try PEFTConfigWriter(adapter)
    let config = writer.config()
    let weights = PEFTTensors(adapter, config: config, dtype: dtype)
    let format = CheckpointFormats.standard
    let archive = try ComposedArchive(
      path: adapter.path, format: format, metadata: ["format": "pt"], tensors: weights.tensors)
    let files = [
      BridgePlan.File(AdapterConfig.fileName, .bytes(config.encoded())),
      BridgePlan.File("adapter_model" + format.fileExtension, .weights(archive, format)),
    ]
    return (files, weights.keepsDTypes && writer.isExact)
  }
}
