// SPDX-License-Identifier: Apache-2.0

/// GraLoRA: the weight is cut into a grid of blocks with factors of their own; a part of the rank may
/// go to LoRA's factors of the whole weight.
public struct GraLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "GRALORA") }
  public var parameterPrefix: String { "gralora_" }
  public var moduleSizes: [ModuleSize] {
    [
      ModuleSize("r", default: 32), ModuleSize("gralora_k", default: 2),
      ModuleSize("hybrid_r", default: 0, minimum: 0),
    ]
  }
  public var alphaKey: String? { "alpha" }
  public var rules: [ConfigRule] { [.divides("gralora_k", "r"), .bias] }

  public var tensorKeys: [String: String] {
    ["gralora_A_general.weight": "hybrid_r", "gralora_B_general.weight": "hybrid_r"]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let blocks: [ModuleTensor] = [
      .init("gralora_A", ["gralora_k", "in" / "gralora_k", "r"]),
      .init("gralora_B", ["gralora_k", "r", "out" / "gralora_k"], untrained: .zeros),
    ]
    let whole: [ModuleTensor] = [
      .init("gralora_A_general.weight", ["hybrid_r", "in"]),
      .init("gralora_B_general.weight", ["out", "hybrid_r"], untrained: .zeros),
    ]
    let isHybrid = config.integer("hybrid_r", default: 0) != 0
    return [ModuleForm(.linear, tensors: isHybrid ? blocks + whole : blocks)]
  }
}
