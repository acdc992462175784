// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
public import LowRank
internal import PEFT
public import Tensors

/// LoRA files of diffusers, which `load_lora_weights` loads: one file for the models of a pipeline, with
/// the configs in its metadata (spec/kohya.md).
public struct DiffusersHome: AdapterHome {
  public let name = "diffusers"
  public let summary = "a diffusers LoRA, as load_lora_weights loads it"
  public let holdsPipelines = true

  /// Creates the home.
  public init() {}

  private static let fileName = "pytorch_lora_weights"

  public func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter? {
    let format = CheckpointFormats.standard
    var file = source.archive
    if file == nil { file = try source.archive(Self.fileName + format.fileExtension) }
    guard let archive = file else { return nil }
    let isNamed = ForeignWeights(archive)?.home == name
    guard isNamed || archive.metadata?[DiffusersMetadata.key] != nil else { return nil }
    return try DiffusersReader(archive).adapter()
  }

  public func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    var writer = DiffusersWriter(dtype: options.dtype)
    for (component, part) in try adapter.split(base: options.base) {
      try writer.add(part, of: component)
    }
    let format = CheckpointFormats.standard
    let archive = try ComposedArchive(
      path: adapter.path, format: format, metadata: writer.metadata.encoded,
      tensors: writer.tensors)
    guard !format.matches(fileName: destination) else {
      return BridgePlan(file: archive, as: format, isExact: writer.isExact)
    }
    let file = BridgePlan.File(Self.fileName + format.fileExtension, .weights(archive, format))
    return BridgePlan(directory: [file], isExact: writer.isExact)
  }
}
