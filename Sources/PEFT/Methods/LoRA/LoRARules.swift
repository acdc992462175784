// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// What PEFT refuses in LoRA configs, beyond the rules that methods share.
enum LoRARules {
  static let all: [ConfigRule] =
    [
      ConfigRule("target_parameters") { config in
        config.document["target_parameters"]?.string == nil
          ? nil : "\"target_parameters\" is a string, but must be a list of names of parameters"
      },
      ConfigRule("use_dora") { config in
        guard isOn("use_dora", config), isSet("megatron_config", config) else { return nil }
        return "\"use_dora\" is true, which \"megatron_config\" does not support"
      },
      ConfigRule("loftq_config") { config in
        guard config.document["init_lora_weights"]?.string == "loftq",
          !isSet("loftq_config", config)
            || config.document["loftq_config"]?.object?.isEmpty == true
        else { return nil }
        return "\"init_lora_weights\" loftq needs \"loftq_config\""
      },
      ConfigRule("init_lora_weights") { config in
        guard config.document["init_lora_weights"]?.string == "corda" else { return nil }
        return
          "\"init_lora_weights\" is corda, with which PEFT creates an adapter only after preprocessing "
          + "the base model, and so does not load one: set it to true, if the base model was not changed"
      },
      ConfigRule("init_lora_weights", severity: .note) { config in
        guard config.document["init_lora_weights"]?.string == "eva", !isSet("eva_config", config)
        else { return nil }
        return "\"init_lora_weights\" is eva without \"eva_config\", of which PEFT warns"
      },
      ConfigRule("init_lora_weights") { config in
        guard config.document["init_lora_weights"]?.string == "orthogonal" else { return nil }
        let ranks =
          [config.integer("r", default: 8)]
          + (config.document["rank_pattern"]?.object ?? [:]).map { $0.value.integer }
        return ranks.compactMap(\.self).first { $0 % 2 != 0 }.map {
          "\"init_lora_weights\" is orthogonal, for which a rank must be even, but one is \($0)"
        }
      },
      ConfigRule("lora_bias") { config in
        guard isOn("lora_bias", config) else { return nil }
        if isOn("use_dora", config) {
          return "\"lora_bias\" is true, which \"use_dora\" does not support"
        }
        guard let initialization = config.document["init_lora_weights"]?.string else { return nil }
        return "\"lora_bias\" is true, which \"init_lora_weights\" \"\(initialization)\" does not "
          + "support"
      },
      variants,
      ConfigRule("task_type", severity: .note) { config in
        guard isSet("alora_invocation_tokens", config),
          config.document["task_type"]?.string != TaskType.causalLanguageModel.rawValue
        else { return nil }
        return "\"task_type\" is not CAUSAL_LM, for which \"alora_invocation_tokens\" are"
      },
      bothTargets, tying,
    ] + ofParameters + ignoredSettings

  /// PEFT ties embeddings that it finds by their names among the targets and the saved modules.
  private static let tying = ConfigRule("ensure_weight_tying", severity: .note) { config in
    guard isOn("ensure_weight_tying", config), !config.namesEmbedding else { return nil }
    return
      "\"ensure_weight_tying\" is true, but neither \"modules_to_save\" nor \"target_modules\" has "
      + "embed_tokens or lm_head: PEFT warns, and ties nothing"
  }

  /// PEFT does not adapt a parameter of a module that it adapts itself.
  private static let bothTargets = ConfigRule("target_parameters") { config in
    guard let targets = config.document["target_modules"]?.array?.compactMap(\.string),
      config.document["exclude_modules"]?.isFalsy ?? true,
      config.document["layers_to_transform"]?.isFalsy ?? true
    else { return nil }
    let modules = (config.document["target_parameters"]?.array ?? []).lazy
      .compactMap(\.string).compactMap { name in
        name.lastIndex(of: ".").map { (parameter: name, module: "." + name[..<$0]) }
      }
    // A name of one may be the end of the other's.
    let both = modules.first { entry in
      targets.contains { ("." + $0).hasSuffix(entry.module) || entry.module.hasSuffix("." + $0) }
    }
    return both.map {
      "\"target_parameters\" has \($0.parameter.excerpt), whose module \"target_modules\" selects, too: "
        + "PEFT does not adapt both"
    }
  }

  /// Settings for an initialisation that the config does not choose.
  private static let ignoredSettings = ["loftq", "eva", "corda"].map { name in
    ConfigRule("\(name)_config", severity: .note) { config in
      guard config.document["\(name)_config"]?.isFalsy == false,
        config.document["init_lora_weights"]?.string != name
      else { return nil }
      return
        "\"\(name)_config\" is set, but \"init_lora_weights\" is not \"\(name)\": PEFT warns, and "
        + "ignores it"
    }
  }

  private static func isOn(_ key: String, _ config: AdapterConfig) -> Bool {
    config.flag(key, default: false)
  }

  private static func isSet(_ key: String, _ config: AdapterConfig) -> Bool {
    switch config.document[key] {
    case nil, .null?, .bool(false)?: false
    default: true
    }
  }

  /// What PEFT does not support for parameters.
  private static let ofParameters = [
    "lora_dropout", "fan_in_fan_out", "lora_bias", "use_dora", "velora_config", "kasa_config",
  ].map { key in
    ConfigRule(key) { config in
      guard config.document["target_parameters"]?.array?.isEmpty == false, isSet(key, config),
        config.document[key]?.number != 0
      else { return nil }
      return "\"\(key)\" is set, which PEFT does not support with \"target_parameters\""
    }
  }

  /// Variants that PEFT does not combine.
  private static let variants = ConfigRule("use_dora") { config in
    let keys = [
      "use_dora", "arrow_config", "use_bdlora", "alora_invocation_tokens", "velora_config",
      "monteclora_config", "kasa_config",
    ]
    let active = keys.filter { key in
      isSet(key, config) && config.document[key]?.array?.isEmpty != true
    }
    guard active.count > 1 else { return nil }
    return "\"\(active[0])\" and \"\(active[1])\" are set, which PEFT does not combine"
  }
}
