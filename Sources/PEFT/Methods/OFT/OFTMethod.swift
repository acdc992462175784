// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Tensors
internal import JSONDocument

/// OFT: a block-diagonal rotation of the inputs, each block saved as the upper triangle of a
/// skew-symmetric matrix.
///
/// Releases before 0.16 saved the blocks themselves, `oft_r`, and PEFT no longer loads them.
public struct OFTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "OFT") }
  public var parameterPrefix: String { "oft_" }
  public var adaptsTransposedLayers: Bool { false }
  public var summaryKeys: [SummaryKey] { ["r", "oft_block_size"] }
  public var rules: [ConfigRule] {
    [
      Self.blockSizeIsSet, .exactlyOne("r", "oft_block_size"), .layersPatternNeedsLayers, .bias,
    ]
  }

  public var tensorKeys: [String: String] {
    ["oft_R.weight": "oft_block_size", "oft_embedding_R.weight": "oft_block_size"]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let blocks = OFTBlocks(config)
    return [
      blocks.form(.linear, "oft_R.weight", inputs: "in"),
      blocks.form(.embedding, "oft_embedding_R.weight", inputs: "out"),
      blocks.form(.convolution(2), "oft_R.weight", inputs: "in" * "k" * "k"),
      // The tensors of releases before 0.16.
      ModuleForm(
        .linear,
        tensors: [
          .init("oft_r", ["blocks", "b", "b"]), .init("oft_s", ["out", 1], isOptional: true),
        ]),
    ]
  }

  /// PEFT refuses weights that have the tensors of an older OFT.
  public func weightFindings(
    of weights: any TensorArchive, for config: AdapterConfig?
  ) -> [Finding] {
    guard let old = weights.tensors.first(where: { $0.name.string.hasSuffix(".oft_r") }) else {
      return []
    }
    return [
      Finding(
        .error, "superseded-method",
        "\(old.name) belongs to OFT as it was before PEFT 0.16, which later releases refuse: load the "
          + "adapter with PEFT 0.15, or train it again", tensor: old.name)
    ]
  }

  /// PEFT tells a config of its first OFT by the key that it lacks.
  private static let blockSizeIsSet = ConfigRule("oft_block_size") { config in
    config.document["oft_block_size"] == nil
      ? "\"oft_block_size\" is absent, so this is an adapter of OFT as it was up to PEFT 0.13: PEFT "
        + "0.14 and later refuse it; load it with PEFT 0.13, or train it again"
      : nil
  }
}
