// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Uni-LoRA: one trained vector for all modules; the elements of LoRA's factors are indices into it.
public struct UniLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "UNILORA") }
  public var parameterPrefix: String { "unilora_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 4)] }
  public var summaryKeys: [SummaryKey] { ["theta_d_length"] }
  public var rules: [ConfigRule] {
    [
      .atLeast(1, "theta_d_length"), .atLeast(0, "proj_seed"),
      .number("unilora_dropout", "at least 0 and at most 1") { $0 >= 0 && $0 <= 1 },
      .number("init_theta_d_bound", "positive") { $0 > 0 },
      .oneOf("bias", ["none", "all", "unilora_only"]), .layersNeedTargetList,
      .layersPatternNeedsTargetList,
    ]
  }

  public var tensorKeys: [String: String] {
    let names = ["unilora_indices_A", "unilora_indices_B", "unilora_scales_A", "unilora_scales_B"]
    return Dictionary(uniqueKeysWithValues: names.map { ($0, "save_indices") })
  }

  /// Nothing, unless the config says that indices are saved: PEFT computes them again.
  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    guard config.flag("save_indices", default: false) else { return [] }
    return [
      ModuleForm(
        .linear,
        tensors: [
          .init("unilora_indices_A", ["r", "in"], isInteger: true),
          .init("unilora_indices_B", ["out", "r"], isInteger: true),
          .init("unilora_scales_A", ["r", "in"]), .init("unilora_scales_B", ["out", "r"]),
        ])
    ]
  }

  public func expectedTensors(for config: AdapterConfig?) -> [ExpectedTensor] {
    [
      ExpectedTensor(
        "base_model.unilora_theta_d",
        shape: [Extent("theta_d_length", value: config?.integer("theta_d_length", default: 256))])
    ]
  }
}
