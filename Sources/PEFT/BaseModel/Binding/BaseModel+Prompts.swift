// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension BaseModel {
  /// A size of a prompt that PEFT takes from the base model where the config has none.
  private struct PromptSize {
    let key: String
    /// The keys of the base model's config, of which the first that is there counts.
    let baseKeys: [String]
  }

  private static let promptSizes = [
    PromptSize(key: "num_layers", baseKeys: ["num_hidden_layers", "num_layers", "n_layer"]),
    PromptSize(key: "token_dim", baseKeys: ["hidden_size", "n_embd", "d_model"]),
    PromptSize(
      key: "num_attention_heads",
      baseKeys: ["num_attention_heads", "n_head", "num_heads", "encoder_attention_heads"]),
  ]

  /// Findings about sizes of a prompt that differ from those of the base model (spec/base-model.md,
  /// P27).
  func promptFindings(for config: AdapterConfig, _ weights: any TensorArchive) -> [Finding] {
    let sizes = promptSizes(of: config)
    return Self.promptSizes.compactMap { size in
      guard let stated = config.document[size.key]?.integer, let actual = sizes[size.key],
        stated != actual
      else { return nil }
      return Finding(
        .error, "base-mismatch",
        "\"\(size.key)\" is \(stated), but the base model needs \(actual): the prompt does not fit it",
        key: size.key)
    }
  }

  /// The sizes that PEFT would take from the base model.
  private func promptSizes(of config: AdapterConfig) -> [String: Int] {
    let base = textConfig
    var sizes: [String: Int] = [:]
    for size in Self.promptSizes {
      sizes[size.key] = size.baseKeys.lazy.compactMap { base[$0]?.integer }.first
    }
    // Prefixes are keys and values, of which grouped attention has fewer heads.
    let type = config.document["peft_type"]?.string
    guard type == "PREFIX_TUNING" || type == "CARTRIDGE",
      let heads = base["num_key_value_heads"]?.integer
    else { return sizes }
    guard base["per_layer_config"] == nil, base["global_head_dim"] == nil else {
      sizes["token_dim"] = nil
      sizes["num_attention_heads"] = nil
      return sizes
    }
    let dimension =
      base["head_dim"]?.integer
      ?? sizes["token_dim"].flatMap { width in
        sizes["num_attention_heads"].flatMap { $0 > 0 ? width / $0 : nil }
      }
    let product = dimension.map { $0.multipliedReportingOverflow(by: heads) }
    sizes["token_dim"] = product.flatMap { $0.overflow ? nil : $0.partialValue }
    sizes["num_attention_heads"] = heads
    return sizes
  }
}
