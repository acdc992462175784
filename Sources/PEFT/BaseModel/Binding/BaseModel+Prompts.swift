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

  /// The sizes of a prompt of keys and values, as PEFT computes them; nil where they are unknown.
  private struct KeyValueSizes {
    var layers: Int?
    var width: Int?
    var heads: Int?

    /// The numbers of a key and value for each layer.
    var rowLength: Int? {
      guard let layers, let width else { return nil }
      let (keys, isTooLarge) = layers.multipliedReportingOverflow(by: width)
      let (both, overflow) = keys.multipliedReportingOverflow(by: 2)
      return isTooLarge || overflow ? nil : both
    }
  }

  /// What a base model shows about a prompt.
  struct PromptCheck {
    var findings: [Finding] = []
    /// Whether the prompt has the size that PEFT computes with the base model.
    var fits = false
  }

  /// Checks the sizes of a prompt with those of the base model (spec/base-model.md, P27).
  func checkPrompt(of config: AdapterConfig, _ weights: any TensorArchive) -> PromptCheck {
    switch config.document["peft_type"]?.string {
    case "PREFIX_TUNING", "CARTRIDGE": return keyValueCheck(of: config, weights)
    case "CPT": return PromptCheck(findings: widthFindings(weights, size("token_dim")))
    default:
      // Some models have embeddings that are not as wide as their hidden states.
      let width = ["word_embed_proj_dim", "embedding_size"].lazy.compactMap {
        textConfig[$0]?.integer
      }.first
      let stated = config.document["token_dim"]?.integer
      guard let stated, let width = width ?? size("token_dim"), stated != width else {
        return PromptCheck()
      }
      return PromptCheck(findings: [mismatch("token_dim", stated, width)])
    }
  }

  private func mismatch(_ key: String, _ stated: Int, _ needed: Int) -> Finding {
    Finding(
      .error, "base-mismatch",
      "\"\(key)\" is \(stated), but the base model needs \(needed): the prompt does not fit it",
      key: key)
  }

  /// Grouped attention has fewer heads for keys and values, which PEFT takes from the base model whatever
  /// the adapter's config says; of the config it takes the width of a head if the base model has none.
  private func keyValueCheck(of config: AdapterConfig, _ weights: any TensorArchive) -> PromptCheck
  {
    let own = keyValueSizes(of: AdapterConfig(document: [:]))
    let made = keyValueSizes(of: config)
    var findings: [Finding] = []
    if let layers = made.layers, let needed = layerCount(own), !fits(layers, needed) {
      findings.append(layerFinding(of: config, made: layers, needed: needed))
    }
    if let width = made.width, let needed = own.width, width != needed {
      findings.append(widthFinding(of: config, made: width, needed: needed, heads: own.heads))
    } else if let heads = made.heads, let needed = own.heads, heads != needed {
      findings.append(mismatch("num_attention_heads", heads, needed))
    }
    guard let length = made.rowLength, let index = weights.index(of: "prompt_embeddings")
    else { return PromptCheck(findings: findings) }
    let tensor = weights.tensor(at: index)
    let sides = tensor.shape.dimensions.map { Int(clamping: $0) }
    let tokens = config.integer("num_virtual_tokens", default: nil)
    let fits = sides.count == 2 && sides[0] == tokens && sides[1] == length
    if sides.count == 2, sides[1] != length, findings.isEmpty {
      findings.append(
        Finding(
          .error, "shape-mismatch",
          "\(tensor.name) has the shape \(tensor.shape), but the base model needs vectors of \(length): "
            + "PEFT refuses the adapter", tensor: tensor.name))
    }
    return PromptCheck(findings: findings, fits: fits)
  }

  /// The layers that keys and values are for: those of the decoder, where there is an encoder as well.
  private func layerCount(_ sizes: KeyValueSizes) -> Int? { decoderLayers ?? sizes.layers }

  private var decoderLayers: Int? {
    ["num_decoder_layers", "decoder_layers"].lazy.compactMap { textConfig[$0]?.integer }.first
  }

  /// Whether a prompt is for enough layers. PEFT takes the number of the encoder's where the config has
  /// none, and a decoder with fewer leaves the rest alone.
  private func fits(_ layers: Int, _ needed: Int) -> Bool {
    decoderLayers == nil ? layers == needed : layers >= needed
  }

  /// A finding about the number of layers of a prompt.
  private func layerFinding(of config: AdapterConfig, made: Int, needed: Int) -> Finding {
    guard config.document["num_layers"]?.integer == nil else {
      return mismatch("num_layers", made, needed)
    }
    return Finding(
      .error, "base-mismatch",
      "\"num_layers\" is not set, and PEFT makes a prompt for the \(made) layers of the base model's "
        + "encoder, but its decoder has \(needed)", key: "num_layers")
  }

  /// A finding about a width that is not that of the base model's keys and values: of the two keys that it
  /// follows from, the one that is not what PEFT saves is to blame.
  private func widthFinding(
    of config: AdapterConfig, made: Int, needed: Int, heads: Int?
  ) -> Finding {
    let width = config.document["token_dim"]?.integer
    let ownHeads = config.document["num_attention_heads"]?.integer
    if let width, width != needed { return mismatch("token_dim", width, needed) }
    if let ownHeads, let heads, ownHeads != heads {
      return mismatch("num_attention_heads", ownHeads, heads)
    }
    let absent = width == nil ? "token_dim" : "num_attention_heads"
    return Finding(
      .error, "base-mismatch",
      "\"\(absent)\" is not set; with that of the base model, PEFT makes a prompt for a width of \(made), "
        + "not \(needed)", key: absent)
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

  /// The size of the base model that PEFT takes where a config has none.
  private func size(_ key: String) -> Int? {
    let base = textConfig
    return Self.promptSizes.first { $0.key == key }?.baseKeys.lazy.compactMap { base[$0]?.integer }
      .first
  }

  /// The sizes of a prompt of keys and values for a config.
  private func keyValueSizes(of config: AdapterConfig) -> KeyValueSizes {
    func stated(_ key: String) -> Int? { config.document[key]?.integer ?? size(key) }
    let base = textConfig
    var sizes = KeyValueSizes(
      layers: stated("num_layers"), width: stated("token_dim"), heads: stated("num_attention_heads")
    )
    guard let groups = base["num_key_value_heads"]?.integer else { return sizes }
    let isUniform =
      (base["per_layer_config"] ?? .null).isNull && (base["global_head_dim"] ?? .null).isNull
    let dimension =
      base["head_dim"]?.integer
      ?? sizes.width.flatMap { width in sizes.heads.flatMap { $0 > 0 ? width / $0 : nil } }
    let product = dimension.map { $0.multipliedReportingOverflow(by: groups) }
    sizes.width = isUniform ? product.flatMap { $0.overflow ? nil : $0.partialValue } : nil
    sizes.heads = isUniform ? groups : nil
    return sizes
  }
}
