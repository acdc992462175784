// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

extension ModuleMethod {
  /// Findings about the values that PEFT refuses: those of the rules, sizes below their minimum, also in
  /// pattern objects, and regular expressions (spec/adapter-methods.md, A30, A31 and A43).
  public func crossFieldFindings(of config: AdapterConfig) -> [Finding] {
    moduleSizes.flatMap { $0.findings(about: config) }
      + (rules + Self.dropouts + Self.scales + scale).findings(about: config)
      + (hasExpressions
        ? ConfigExpressions(config, matching: patternMatching).findings : [])
  }

  /// The probabilities that torch checks when PEFT creates its layers, unless they are 0 or less.
  private static var dropouts: [ConfigRule] {
    [
      "lora_dropout", "deft_dropout", "frod_dropout", "gralora_dropout", "hira_dropout",
      "miss_dropout", "psoft_dropout", "pvera_dropout", "randlora_dropout", "shadow_dropout",
      "tinylora_dropout", "vblora_dropout", "vera_dropout", "xlora_dropout_p",
    ].map { .number($0, "at most 1") { !($0 > 1) } }
  }

  /// The values for single modules that PEFT computes scales with.
  private static var scales: [ConfigRule] {
    ["alpha_pattern", "lambda_pattern"].map { key in
      ConfigRule(key) { config in
        config.document[key]?.object?.first { $0.value.number == nil && $0.value.bool == nil }.map {
          "the value of \"\($0.key)\" in \"\(key)\" is not a number"
        }
      }
    }
  }

  /// Every config that PEFT saves has the key of the scale: where the others are, and it is not, the default
  /// may be another value than that of the training.
  private var scale: [ConfigRule] {
    guard let alphaKey else { return [] }
    let zero = ConfigRule(alphaKey, severity: .warning) { [isScaledByRank] config in
      guard isScaledByRank, config.document[alphaKey]?.number == 0,
        config.document["alpha_pattern"]?.isFalsy ?? true
      else { return nil }
      return
        "\"\(alphaKey)\" is 0, so that the scale of all modules is: the adapter changes nothing; set "
        + "the value of the training"
    }
    return [
      zero,
      ConfigRule(alphaKey, severity: .warning) { [type] config in
        guard config.document[alphaKey] == nil, config.document.count >= Self.fewestSavedKeys,
          let field = MethodFields(type)?.versions.last(where: { $0.key == alphaKey })
        else { return nil }
        return
          "\"\(alphaKey)\" is not set: PEFT takes its default, \(field.defaultValue), and scales what "
          + "the adapter adds by it; set the value of the training"
      },
    ]
  }

  /// No release saves fewer keys.
  private static var fewestSavedKeys: Int { 8 }

  /// Whether PEFT takes texts of the config for regular expressions: the methods without forms of layers
  /// have other ways to choose modules.
  private var hasExpressions: Bool { !["ADAPTION_PROMPT", "XLORA"].contains(type.rawValue) }
}

extension ModuleSize {
  fileprivate func findings(about config: AdapterConfig) -> [Finding] {
    func finding(_ value: JSONValue, _ name: String, _ key: String) -> Finding? {
      if !allowsFraction, value.integer == nil, value.number != nil {
        return Finding(.error, "invalid-value", "\(name) is not an integer", key: key)
      }
      guard let size = value.integer, size < minimum else { return nil }
      return Finding(
        .error, "invalid-value", "\(name) is \(size), but must be at least \(minimum)", key: key)
    }
    let own = config.document[key].flatMap { finding($0, "\"\(key)\"", key) }
    guard let patternKey, let patterns = config.document[patternKey]?.object else {
      return own.map { [$0] } ?? []
    }
    return (own.map { [$0] } ?? [])
      + patterns.compactMap { pattern in
        let name = "the value of \"\(pattern.key)\" in \"\(patternKey)\""
        guard pattern.value.number != nil else {
          return Finding(.error, "invalid-value", "\(name) is not a number", key: patternKey)
        }
        return finding(pattern.value, name, patternKey)
      }
  }
}
