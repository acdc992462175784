// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// What transformers multiplies the rows of an input embedding by when it looks them up. A prompt of
/// PEFT comes after that, so that its row must be divided by it (spec/embedded-prompts.md, ET7).
enum EmbeddingScale {
  /// The scale of a base model.
  ///
  /// - Throws: `unsupported`, naming the model type, for embeddings whose rows are changed in another
  ///   way, and for models that scale outside of the embedding, where PEFT leaves the words unscaled.
  static func value(of base: BaseModel) throws(CheckpointError) -> Double {
    let config = base.textConfig
    let type = config["model_type"]?.string ?? base.modelType ?? ""
    let hiddenSize = base.hiddenSize.map(Double.init)
    if let reason = refused[type] {
      throw CheckpointError(
        .unsupported,
        "cannot take new tokens for prompts: models of type \(type.excerpt) \(reason)",
        path: base.path)
    }
    if alwaysScaled.contains(type) { return try root(of: hiddenSize, base) }
    if type == "minicpm3" { return config["scale_emb"]?.number ?? 1 }
    guard config["scale_embedding"]?.bool == true else { return 1 }
    guard scaledInside.contains(type) else {
      throw CheckpointError(
        .unsupported,
        "cannot take new tokens for prompts: \"scale_embedding\" of models of type \(type.excerpt) "
          + "does not apply to the words that PEFT puts behind a prompt", path: base.path)
    }
    return try root(of: hiddenSize, base)
  }

  private static func root(
    of size: Double?, _ base: BaseModel
  ) throws(CheckpointError) -> Double {
    guard let size, size > 0 else {
      throw CheckpointError(
        .missing, "has no hidden size in its config, by which its embedding is scaled",
        path: base.path)
    }
    return size.squareRoot()
  }

  /// Model types whose embedding multiplies by the root of the hidden size.
  private static let alwaysScaled: Set<String> = [
    "gemma", "gemma2", "gemma3", "gemma3_text", "vaultgemma",
  ]

  /// Model types whose embedding multiplies by it if `scale_embedding` is true.
  private static let scaledInside: Set<String> = [
    "bart", "mbart", "plbart", "blenderbot", "bigbird_pegasus", "pegasus_x", "m2m_100", "nllb-moe",
    "xglm", "biogpt",
  ]

  /// Model types that do more with an id than to look up a row.
  private static let refused: [String: String] = [
    "gemma3n": "look up a second embedding in every layer",
    "gemma3n_text": "look up a second embedding in every layer",
    "gemma4": "look up a second embedding in every layer",
    "gemma4_text": "look up a second embedding in every layer",
    "ibert": "quantize their embedding",
    "idefics": "have a second embedding for added tokens",
    "inkling": "normalize the rows of their embedding",
    "inkling2": "normalize the rows of their embedding",
    "muse_glimmer": "normalize the rows of their embedding",
    "muse_spark": "normalize the rows of their embedding",
  ]
}
