// SPDX-License-Identifier: Apache-2.0
public import JSONDocument

/// The fields of PEFT's `MultitaskPromptTuningConfig` beyond the base fields, with their defaults.
public enum MultitaskPromptTuningFields {
  /// Virtual tokens of each transformer submodule.
  public static let virtualTokenCount = ConfigField<Int?>("num_virtual_tokens", default: nil)
  /// The width of the base model's embeddings.
  public static let tokenDimension = ConfigField<Int?>("token_dim", default: nil)
  /// Transformer submodules: 2 for an encoder and a decoder. Null leaves it to the task type.
  public static let submoduleCount = ConfigField<Int?>("num_transformer_submodules", default: nil)
  /// Attention heads of the base model.
  public static let attentionHeadCount = ConfigField<Int?>("num_attention_heads", default: nil)
  /// Layers of the base model.
  public static let layerCount = ConfigField<Int?>("num_layers", default: nil)
  /// The rank of each task's factors.
  public static let rank = ConfigField<Int?>("num_ranks", default: 1)
  /// The number of tasks.
  public static let taskCount = ConfigField<Int?>("num_tasks", default: 1)
  /// The initialisation of the prompt.
  public static let initialization = ConfigField<String>("prompt_tuning_init", default: "RANDOM")
  /// The text of `TEXT`.
  public static let initializationText = ConfigField<String?>(
    "prompt_tuning_init_text", default: nil)
  /// The source checkpoint of the `SOURCE` initialisations.
  public static let sourcePath = ConfigField<String?>(
    "prompt_tuning_init_state_dict_path", default: nil)
  /// The source task of `EXACT_SOURCE_TASK`.
  public static let sourceTask = ConfigField<Int?>("prompt_tuning_init_task", default: 0)
  /// The tokenizer of `TEXT`.
  public static let tokenizer = ConfigField<String?>("tokenizer_name_or_path", default: nil)
  /// Arguments for that tokenizer.
  public static let tokenizerArguments = ConfigField<JSONObject?>(
    "tokenizer_kwargs", default: nil)
}
