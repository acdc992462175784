// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// Super-Tuning: the largest elements of a weight are trained; its hybrid Supra adds LoRA's factors.
public struct SuperTuningMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "SUPERTUNING") }
  public var parameterPrefix: String { "supertuning_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: nil)] }
  public var alphaKey: String? { "lora_alpha" }
  public var summaryKeys: [SummaryKey] { ["sparsity"] }
  public var rules: [ConfigRule] {
    [
      .number("sparsity", "at least 0 and below 1") { $0 >= 0 && $0 < 1 },
      .number("lora_dropout", "at least 0 and below 1") { $0 >= 0 && $0 < 1 }, Self.alphaNeedsRank,
    ]
  }

  public var tensorKeys: [String: String] {
    [
      "supertuning_indices": "save_precomputed_indices", "supertuning_lora_A.weight": "r",
      "supertuning_lora_B.weight": "r",
    ]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let sparsity = config.number("sparsity", default: 0.99)
    let count = Extent("in · out · (1 - sparsity)") { values in
      guard let sparsity, let inputs = values["in"], let outputs = values["out"] else { return nil }
      let (elements, overflow) = inputs.multipliedReportingOverflow(by: outputs)
      guard !overflow else { return nil }
      return Int(exactly: (Double(elements) * (1 - sparsity)).rounded(.towardZero))
    }
    // The factors come first: they give the sides of the weight.
    var tensors: [ModuleTensor] = []
    if config.integer("r", default: nil) != nil {
      tensors += [
        .init("supertuning_lora_A.weight", ["r", "in"]),
        .init("supertuning_lora_B.weight", ["out", "r"], untrained: .zeros),
      ]
    }
    tensors.append(.init("supertuning_values", [count], untrained: .zeros))
    if config.flag("save_precomputed_indices", default: true) {
      tensors.append(.init("supertuning_indices", [count], isInteger: true))
    }
    return [ModuleForm(.linear, tensors: tensors)]
  }

  private static let alphaNeedsRank = ConfigRule("lora_alpha") { config in
    guard config.number("lora_alpha", default: nil) != nil,
      config.document["r"] == nil || config.document["r"] == .null
    else { return nil }
    return "\"lora_alpha\" is set without \"r\": set the rank, or remove it"
  }
}
