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
    let own = ownSizes
    switch config.document["peft_type"]?.string {
    case "PREFIX_TUNING", "CARTRIDGE":
      let sizes = keyValueSizes(own)
      return Self.promptSizes.compactMap { finding(about: $0.key, of: config, sizes[$0.key]) }
        + halfFindings(config)
    case "CPT": return widthFindings(weights, own["token_dim"])
    default: return [finding(about: "token_dim", of: config, own["token_dim"])].compactMap(\.self)
    }
  }

  private func finding(about key: String, of config: AdapterConfig, _ actual: Int?) -> Finding? {
    guard let stated = config.document[key]?.integer, let actual, stated != actual else {
      return nil
    }
    return Finding(
      .error, "base-mismatch",
      "\"\(key)\" is \(stated), but the base model needs \(actual): the prompt does not fit it",
      key: key)
  }

  /// PEFT divides the width by the number of heads. One of the two without the other is divided by, or
  /// divides, that of the base model.
  private func halfFindings(_ config: AdapterConfig) -> [Finding] {
    let keys = ["token_dim", "num_attention_heads"]
    let absent = keys.filter { config.document[$0]?.isNull ?? true }
    guard absent.count == 1, textConfig["num_key_value_heads"]?.integer != nil,
      textConfig["head_dim"]?.integer == nil,
      let width = config.document["token_dim"]?.integer ?? ownSizes["token_dim"],
      let effective = effectiveWidth(config), effective != width
    else { return [] }
    return [
      Finding(
        .error, "base-mismatch",
        "\"\(absent[0])\" is not set; with that of the base model, PEFT makes a prompt for a width of "
          + "\(effective), not \(width)", key: absent[0])
    ]
  }

  /// The width of a prompt for keys and values that PEFT derives from a config.
  private func effectiveWidth(_ config: AdapterConfig) -> Int? {
    let own = ownSizes
    guard let width = config.document["token_dim"]?.integer ?? own["token_dim"],
      let heads = config.document["num_attention_heads"]?.integer ?? own["num_attention_heads"],
      let groups = textConfig["num_key_value_heads"]?.integer, heads > 0
    else { return nil }
    let (product, overflow) = (width / heads).multipliedReportingOverflow(by: groups)
    return overflow ? nil : product
  }

  /// A finding about a prompt that is not as wide as the base model, whose width PEFT takes.
  private func widthFindings(_ weights: any TensorArchive, _ width: Int?) -> [Finding] {
    guard let width, let index = weights.index(of: "prompt_embeddings") else { return [] }
    let tensor = weights.tensor(at: index)
    guard tensor.shape.rank == 2, tensor.shape.dimensions[1] != UInt(clamping: width) else {
      return []
    }
    return [
      Finding(
        .error, "shape-mismatch",
        "\(tensor.name) has the shape \(tensor.shape), but the base model needs vectors of \(width): "
          + "PEFT refuses the adapter", tensor: tensor.name)
    ]
  }

  /// The sizes in the base model's config, by the keys of the adapter's.
  private var ownSizes: [String: Int] {
    let base = textConfig
    var sizes: [String: Int] = [:]
    for size in Self.promptSizes {
      sizes[size.key] = size.baseKeys.lazy.compactMap { base[$0]?.integer }.first
    }
    return sizes
  }

  /// Prefixes are keys and values, of which grouped attention has fewer heads.
  private func keyValueSizes(_ sizes: [String: Int]) -> [String: Int] {
    let base = textConfig
    var sizes = sizes
    guard let heads = base["num_key_value_heads"]?.integer else { return sizes }
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
