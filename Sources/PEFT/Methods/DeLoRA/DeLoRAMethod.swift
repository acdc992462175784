// SPDX-License-Identifier: Apache-2.0

/// DeLoRA: LoRA with normalized factors, a trained bound of the change, and the norms of the
/// weight's columns.
public struct DeLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "DELORA") }
  public var parameterPrefix: String { "delora_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 8, pattern: "rank_pattern")] }
  public var rules: [ConfigRule] {
    [
      .layersNeedTargetList, .layersPatternNeedsLayers, .bias,
      .number("module_dropout", "at most 1") { !($0 > 1) },
    ]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("delora_A", ["r", "in"]), .init("delora_B", ["out", "r"], untrained: .zeros),
          .init("delora_lambda", [1]), .init("delora_w_norm", ["in"]),
        ])
    ]
  }
}
