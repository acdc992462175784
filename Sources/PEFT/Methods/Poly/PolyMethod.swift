// SPDX-License-Identifier: Apache-2.0

/// Poly: an inventory of LoRA skills for each module, from which a router mixes those of a task.
public struct PolyMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "POLY") }
  public var parameterPrefix: String { "poly_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] {
    [
      ModuleSize("r", default: 8), ModuleSize("n_tasks", default: 1),
      ModuleSize("n_skills", default: 4), ModuleSize("n_splits", default: 1),
    ]
  }
  public var rules: [ConfigRule] { [.oneOf("poly_type", ["poly"])] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("poly_lora_A", ["n_splits", "n_skills", "in" / "n_splits", "r"]),
          .init(
            "poly_lora_B", ["n_splits", "n_skills", "r", "out" / "n_splits"], untrained: .zeros),
          .init("poly_router.module_logits", ["n_tasks", "n_splits" * "n_skills"]),
        ])
    ]
  }
}
