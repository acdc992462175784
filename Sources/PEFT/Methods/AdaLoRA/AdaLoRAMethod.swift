// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// AdaLoRA: LoRA in the form of a singular value decomposition, whose ranks are pruned in training.
public struct AdaLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "ADALORA") }
  public var parameterPrefix: String { "lora_" }
  public var patternMatching: ModulePattern.Matching { .exact }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", key: "init_r", default: 12)] }
  public var alphaKey: String? { "lora_alpha" }
  public var rules: [ConfigRule] {
    [
      .layersNeedTargetList, .layersPatternNeedsLayers, .bias,
      Self.noVariant("use_dora"), Self.noVariant("loftq_config"),
      .atLeast(1, "total_step"), Self.schedule, Self.keptRanks,
      .unused("r", usual: 8, "\"init_r\" is the rank"),
      .number("orth_reg_weight", "at least 0") { $0 >= 0 },
    ]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("lora_A", ["r", "in"]), .init("lora_B", ["out", "r"]),
          .init("lora_E", ["r", 1], untrained: .zeros),
        ])
    ]
  }

  /// `rank_pattern` has a list for each module, which says of each of its first ranks whether it is
  /// kept.
  public func values(
    of config: AdapterConfig, in module: String, sizes: inout ModuleSizes
  ) -> ExtentValues {
    var values = sizes.values(for: module)
    if let kept = config.document["rank_pattern"]?[module + ".lora_E"] {
      let flags = kept.array?.compactMap(\.bool)
      values["r"] = flags.map { $0.count { $0 } }
    }
    return values
  }

  /// AdaLoRA does not support the variants of LoRA.
  private static func noVariant(_ key: String) -> ConfigRule {
    ConfigRule(key) { config in
      switch config.document[key] {
      case nil, .null?, .bool(false)?: nil
      case .object(let settings)? where settings.isEmpty: nil
      default: "\"\(key)\" is set, which AdaLoRA does not support"
      }
    }
  }

  /// PEFT cuts the factors by the lists of `rank_pattern`.
  private static let keptRanks = ConfigRule("rank_pattern") { config in
    config.document["rank_pattern"]?.object?.first { $0.value.array == nil }.map {
      "the value of \"\($0.key.excerpt)\" in \"rank_pattern\" is not a list that tells which ranks are kept"
    }
  }

  /// There are steps left for pruning between the warm-up and the final phase.
  private static let schedule = ConfigRule("total_step") { config in
    guard let total = config.integer("total_step", default: nil), total >= 1,
      let first = config.integer("tinit", default: 0),
      let last = config.integer("tfinal", default: 0)
    else { return nil }
    let (left, overflow) = total.subtractingReportingOverflow(last)
    guard !overflow, first >= left else { return nil }
    return "\"tinit\" is \(first), but must be below \"total_step\" − \"tfinal\", \(left)"
  }
}
