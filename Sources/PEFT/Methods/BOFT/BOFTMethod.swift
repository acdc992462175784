// SPDX-License-Identifier: Apache-2.0

/// BOFT: a product of block-diagonal rotations of the inputs, and a scale for each output.
///
/// The config gives the size of a block or their number; the other follows from the inputs.
public struct BOFTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "BOFT") }
  public var parameterPrefix: String { "boft_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] {
    [
      ModuleSize("b", key: "boft_block_size", default: 4, minimum: 0),
      ModuleSize("n", key: "boft_block_num", default: 0, minimum: 0),
    ]
  }
  public var rules: [ConfigRule] {
    [
      .exactlyOne("boft_block_size", "boft_block_num"), .atLeast(1, "boft_n_butterfly_factor"),
      .layersPatternNeedsLayers, .bias,
    ]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let isSizeGiven = config.integer("boft_block_size", default: 4) != 0
    // Without its CUDA extension, PEFT trains one factor whatever the config says.
    let hasOneFactor = config.integer("boft_n_butterfly_factor", default: 1) == 1
    let factors: Extent = hasOneFactor ? 1 : "factors"
    func rotation(_ inputs: Extent) -> ModuleTensor {
      .init(
        "boft_R",
        isSizeGiven
          ? [factors, inputs / "b", "b", "b"] : [factors, "n", inputs / "n", inputs / "n"],
        untrained: .zeros)
    }
    return [
      ModuleForm(
        .linear, tensors: [rotation("in"), .init("boft_s", ["out", 1], untrained: .ones)]),
      ModuleForm(
        .convolution(2),
        tensors: [rotation("in" * "k" * "k"), .init("boft_s", [1, "out"], untrained: .ones)]),
    ]
  }
}
