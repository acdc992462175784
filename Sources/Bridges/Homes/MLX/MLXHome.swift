// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import JSONDocument
public import LowRank
internal import PEFT
internal import SafeTensors
public import Tensors

/// Adapters of mlx-lm and mlx-swift-lm: a directory with a config and weights (spec/mlx.md).
public struct MLXHome: AdapterHome {
  public let name = "mlx"
  public let summary = "an MLX adapter directory (mlx-lm)"

  public init() {}

  public func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter? {
    guard let directory = try MLXDirectory(source) else { return nil }
    var reader = MLXReader(directory, base: source.base)
    try reader.read()
    return LowRankAdapter(
      path: source.path, modules: reader.modules, baseModelName: directory.config.model)
  }

  public func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    if let dtype = options.dtype, !MLXRefusals.dtypes.contains(dtype) {
      throw CheckpointError(
        .unsupported, "MLX does not load \(dtype) as numbers", path: destination,
        hint: "MLX has F32, BF16 and F16", remedy: .chooseDType)
    }
    try MLXRefusals.check(adapter, dtype: options.dtype)
    let updates = try MLXUpdates(adapter, base: options.base).updates
    let files = try MLXFiles(updates, of: adapter, options)
    let format = CheckpointFormats.standard
    let archive = try ComposedArchive(path: adapter.path, format: format, tensors: files.tensors)
    return BridgePlan(
      directory: [
        .init(MLXConfig.fileName, .bytes(files.config.encoded())),
        .init(MLXDirectory.weightsNames[0], .weights(archive, format)),
      ],
      notes: files.notes, isExact: files.isExact)
  }
}
