// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
internal import Tensors

/// LoRA: a module's change is `scale · B · A`, two factors of a low rank.
///
/// spec/adapter-methods.md has the rules of its tensors; ``LoRAScales`` has its scales.
public struct LoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { .lora }
  public var parameterPrefix: String { "lora_" }
  public var alphaKey: String? { "lora_alpha" }
  public var isScaledByRank: Bool { true }
  public var rules: [ConfigRule] {
    ConfigRule.layerSelection + [.bias] + LoRARules.all + LoRAVariantRules.all
  }

  public var tensorKeys: [String: String] {
    let sampler = "lora_monteclora_sampler."
    let samples = ["std_prior", "expert_weights_prior", "gaussian_var_prior", "expert_weights"]
    return [
      "lora_magnitude_vector": "use_dora", "lora_B.bias": "lora_bias", "lora_diag": "kasa_config",
      "lora_velora_embed": "velora_config",
    ].merging(samples.map { (sampler + $0, "monteclora_config") }) { first, _ in first }
  }

  public var moduleSizes: [ModuleSize] {
    [ModuleSize("r", default: 8, pattern: "rank_pattern")]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    LoRAForms(config).all
  }

  public func weightFindings(
    of weights: any TensorArchive, for config: AdapterConfig?
  ) -> [Finding] {
    config.map { LoRAVariantRules.blockFindings(of: weights, for: $0) } ?? []
  }

  /// The sizes of the module that a name with `base_layer` is about: of the attention for its output
  /// projection, of the parameters for those of `target_parameters`, which wrap one another.
  public func values(
    of config: AdapterConfig, in module: String, sizes: inout ModuleSizes
  ) -> ExtentValues {
    let name = module.prefix(before: ".base_layer") ?? module
    let parameters = TargetParameters(config).names(in: name)
    guard !parameters.isEmpty else {
      var values = sizes.values(for: name)
      if name == "experts" || name.hasSuffix(".experts") {
        // PEFT turns the projections of transformers 4 into parameters, and doubles ranks.
        values[LoRAForms.parameterMark] = 1
        values["r"] = nil
      }
      return values
    }
    // The name of the parameter is not in the file, so that only a rank of all of them is known.
    let candidates = parameters.map { sizes.values(for: $0) }
    var values = candidates[0]
    if candidates.contains(where: { $0["r"] != values["r"] }) { values["r"] = nil }
    values[LoRAForms.parameterMark] = 1
    return values
  }
}

extension PEFTType {
  /// LoRA.
  public static let lora = PEFTType(rawValue: "LORA")
}
