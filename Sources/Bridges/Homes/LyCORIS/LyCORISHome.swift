// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
public import LowRank
public import PEFT
public import Tensors

/// Files of LyCORIS: LoRA, LoHa and LoKr of one model (spec/kohya.md).
public struct LyCORISHome: AdapterHome {
  public let name = "lycoris"
  public let summary = "a LyCORIS adapter: LoRA, LoHa or LoKr"
  public let heldTypes: [PEFTType] = [
    .lora, PEFTType(rawValue: "LOHA"), PEFTType(rawValue: "LOKR"),
  ]

  /// Creates the home.
  public init() {}

  private static let prefix = "lycoris_"

  public func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter? {
    guard let archive = source.archive, ForeignWeights(archive)?.home == name else { return nil }
    return try UnderscoredReader(archive: archive, base: source.base, origin: source.origin)
      .adapter([(Self.prefix, [])])
  }

  public func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    var writer = UnderscoredWriter(home: name, dtype: options.dtype)
    try writer.add(adapter, prefix: Self.prefix, isTextEncoder: false)
    let format = CheckpointFormats.standard
    let archive = try ComposedArchive(
      path: adapter.path, format: format, metadata: ["format": "pt"], tensors: writer.tensors)
    return BridgePlan(file: archive, as: format, isExact: writer.isExact)
  }
}
