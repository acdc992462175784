// SPDX-License-Identifier: Apache-2.0
internal import Bridges
internal import JSONDocument
internal import LowRank
internal import PEFT

/// Makes the config of a computed adapter from that of an adapter that it was computed from
/// (spec/adapter-algebra.md, AL2 to AL4).
struct ComputedConfig {
  /// How the config says which modules are adapted.
  enum Targets {
    /// As the source's config does, whose modules the computed adapter has, all of them.
    case kept
    /// By these entries of `target_modules`; parameters of stacked experts by their full names.
    case named([String])
  }

  /// Keys that say how factors begin, or in which way the source was trained, and what they are
  /// without.
  private static let beginnings: [(key: String, value: JSONValue)] = [
    ("eva_config", .null), ("corda_config", .null), ("lora_ga_config", .null),
    ("loftq_config", .object(JSONObject())),
  ]
  /// Keys that choose among the modules of `target_modules`.
  private static let choices = ["layers_to_transform", "layers_pattern", "exclude_modules"]

  /// Describes an adapter.
  ///
  /// - Parameters:
  ///   - source: the config of which everything is kept that still holds.
  ///   - modules: the modules of the computed adapter, whose scales are written.
  ///   - targets: how the config says which modules are adapted.
  static func config(
    like source: AdapterConfig, _ modules: [LowRankModule], targets: Targets
  ) -> AdapterConfig {
    var document = source.document
    if case .named(let names) = targets {
      for key in choices where document[key] != nil { document[key] = .null }
      let parameters = modules.filter(\.isOfExperts).map(\.name)
      document["target_modules"] = .array(names.map { .string($0) })
      document["target_parameters"] =
        parameters.isEmpty ? .null : .array(parameters.map { .string($0) })
    }
    PEFTScales(modules.map { ($0.name, $0.scale) }).write(to: &document)
    document["use_dora"] = .bool(modules.contains { $0.magnitude != nil })
    document["lora_bias"] = .bool(modules.contains { $0.bias != nil })
    if document["init_lora_weights"]?.string != nil { document["init_lora_weights"] = .bool(true) }
    for (key, value) in beginnings where document[key]?.isTruthy == true {
      document[key] = value
    }
    document["peft_version"] = .string(ExpertLayout.current)
    return AdapterConfig(document: document)
  }
}

extension LowRankModule {
  /// Whether it is a parameter of stacked experts.
  var isOfExperts: Bool {
    if case .experts = kind { true } else { false }
  }
}
