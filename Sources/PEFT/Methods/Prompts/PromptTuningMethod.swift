// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// Prompt tuning: vectors in front of the input's embeddings.
public struct PromptTuningMethod: PromptMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { .promptTuning }
  public var rules: [ConfigRule] {
    [
      Self.textNeeds("tokenizer_name_or_path") { $0.isEmpty },
      Self.textNeeds("prompt_tuning_init_text") { _ in false }, Self.tokenizerArguments,
    ]
  }

  public func promptShape(for config: AdapterConfig) -> [Extent] {
    [config.promptLength, config.promptSize("token_dim")]
  }

  /// A prompt that starts as a text needs a key.
  private static func textNeeds(
    _ key: String, isMissing: @escaping @Sendable (String) -> Bool
  ) -> ConfigRule {
    ConfigRule(key) { config in
      guard startsAsText(config), config.document[key]?.string.map(isMissing) ?? true else {
        return nil
      }
      return "\"prompt_tuning_init\" TEXT needs \"\(key)\""
    }
  }

  private static let tokenizerArguments = ConfigRule("tokenizer_kwargs") { config in
    guard config.document["tokenizer_kwargs"]?.object?.isEmpty == false, !startsAsText(config)
    else {
      return nil
    }
    return "\"tokenizer_kwargs\" is only valid with \"prompt_tuning_init\" TEXT"
  }

  private static func startsAsText(_ config: AdapterConfig) -> Bool {
    config.document["prompt_tuning_init"]?.string == "TEXT"
  }
}

/// P-tuning: prompt vectors that a small network computes; the vectors alone are saved.
public struct PTuningMethod: PromptMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "P_TUNING") }

  public func promptShape(for config: AdapterConfig) -> [Extent] {
    [config.promptLength, config.promptSize("token_dim")]
  }
}

/// CPT: context tokens whose embeddings are refined. Its length is that of `cpt_token_ids`.
public struct CPTMethod: PromptMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "CPT") }
  public var rules: [ConfigRule] { [.oneOf("task_type", ["CAUSAL_LM"])] + ConfigRule.equalLengths }

  /// PEFT takes the dimension from the base model, whatever the config says.
  public func promptShape(for config: AdapterConfig) -> [Extent] {
    [Extent("cpt_token_ids", value: config.contextLength), "token_dim"]
  }
}

extension AdapterConfig {
  /// The tokens of CPT's context; one where the config has no list.
  fileprivate var contextLength: Int? {
    switch document["cpt_token_ids"] {
    case nil, .null?: 1
    case let json?: json.array?.count
    }
  }
}

extension ConfigRule {
  /// CPT's masks have an element for each token.
  fileprivate static var equalLengths: [Self] {
    ["cpt_mask", "cpt_tokens_type_mask"].map { key in
      Self(key) { config in
        guard let length = config.contextLength, let count = config.count(key), count != length
        else { return nil }
        return "\"\(key)\" has \(count) elements, but \"cpt_token_ids\" has \(length)"
      }
    }
  }
}
