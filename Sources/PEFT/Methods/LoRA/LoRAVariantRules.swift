// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

/// What PEFT refuses in the settings of LoRA's variants, which are objects in its configs.
enum LoRAVariantRules {
  static var all: [ConfigRule] {
    settings.map { setting in
      ConfigRule(setting.key) { config in
        guard let value = config.document[setting.key]?.object?[setting.name],
          let expectation = setting.expectation(value)
        else { return nil }
        return
          "\"\(setting.name)\" in \"\(setting.key)\" is \(value.description.excerpt), but must be "
          + expectation
      }
    } + [overlap, unknownSample]
  }

  /// A value of an object of settings.
  private struct Setting: Sendable {
    let key: String
    let name: String
    /// What a value must be; nil for one that PEFT takes.
    let expectation: @Sendable (JSONValue) -> String?

    static func number(
      _ key: String, _ name: String, _ expectation: String,
      holds: @escaping @Sendable (Double) -> Bool
    ) -> Self {
      Self(key: key, name: name) { value in
        let number = value.number ?? value.bool.map { $0 ? 1 : 0 }
        return number.map(holds) == true ? nil : expectation
      }
    }

    /// A positive integer, with which PEFT makes tensors.
    static func size(_ key: String, _ name: String) -> Self {
      Self(key: key, name: name) { value in
        (value.integer ?? 0) > 0 || value.bool == true ? nil : "a positive integer"
      }
    }
  }

  private static let settings: [Setting] = [
    .number("kasa_config", "beta", "at least 0") { $0 >= 0 },
    .number("kasa_config", "gamma", "at least 0") { $0 >= 0 },
    .size("velora_config", "num_groups"),
    .number("velora_config", "scale", "positive") { $0 > 0 },
    Setting(key: "velora_config", name: "init_type") { value in
      let types = ["batch_average", "batch_average_once", "random"]
      return value.string.map(types.contains) == true
        ? nil : "batch_average, batch_average_once or random"
    },
    .size("monteclora_config", "num_samples"), .size("monteclora_config", "buffer_size"),
    .number("monteclora_config", "dirichlet_prior", "positive") { $0 > 0 },
    .size("use_bdlora", "nblocks"),
    .number("eva_config", "rho", "at least 1") { $0 >= 1 },
    .number("eva_config", "tau", "from 0 to 1") { $0 >= 0 && $0 <= 1 },
    .number("arrow_config", "top_k", "positive") { $0 > 0 },
    .number("arrow_config", "router_temperature", "positive") { $0 > 0 },
  ]

  /// A module of BD-LoRA has blocks in one of its factors.
  private static let overlap = ConfigRule("use_bdlora") { config in
    guard let settings = config.document["use_bdlora"]?.object,
      let name = patterns("target_modules_bd_a", in: settings)
        .first(where: patterns("target_modules_bd_b", in: settings).contains)
    else { return nil }
    return "\"\(name.excerpt)\" is in both \"target_modules_bd_a\" and \"target_modules_bd_b\" of "
      + "\"use_bdlora\": remove it from one of them"
  }

  private static let samples: Set<String> = [
    "num_samples", "use_entropy", "dirichlet_prior", "sample_scaler", "kl_loss_weight",
    "buffer_size",
  ]

  /// PEFT drops keys that it does not know from all of these objects but this one.
  private static let unknownSample = ConfigRule("monteclora_config") { config in
    config.document["monteclora_config"]?.object?.first { !samples.contains($0.key) }.map {
      "\"\($0.key.excerpt)\" in \"monteclora_config\" is not a key that PEFT knows: it fails to load the "
        + "config; remove it"
    }
  }

  private static func patterns(_ key: String, in settings: JSONObject) -> [String] {
    (settings[key]?.array ?? []).compactMap(\.string)
  }

  /// A finding about a module that has blocks in neither factor, although `match_strict` asks for that.
  ///
  /// - Complexity: O(tensors · patterns).
  static func blockFindings(
    of weights: any TensorArchive, for config: AdapterConfig
  ) -> [Finding] {
    guard let settings = config.document["use_bdlora"]?.object,
      settings["match_strict"]?.isFalsy != true
    else { return [] }
    let parts = ["target_modules_bd_a", "target_modules_bd_b"].flatMap {
      patterns($0, in: settings)
    }
    let unmatched = weights.tensors.lazy.compactMap { tensor in
      tensor.name.string.prefix(before: ".lora_A").flatMap { path in
        path.hasPrefix(TensorPath.modelPrefix)
          ? String(path.dropFirst(TensorPath.modelPrefix.count)) : nil
      }
    }.first { module in !parts.contains { module.containsBytes(of: $0) } }
    guard let unmatched else { return [] }
    return [
      Finding(
        .error, "invalid-value",
        "\"use_bdlora\" has \(unmatched) in neither of its lists, and \"match_strict\" is not false: "
          + "PEFT refuses the adapter; list the module, or set \"match_strict\" to false",
        key: "use_bdlora")
    ]
  }
}
