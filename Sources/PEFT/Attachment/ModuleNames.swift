// SPDX-License-Identifier: Apache-2.0

/// Names of modules of a base model, as far as they tell the shapes of the weights.
enum ModuleNames {
  /// Layers of GPT-2 whose weight is transposed.
  private static let transposed: Set<Substring> = ["c_attn", "c_proj", "c_fc", "q_attn"]

  /// The modules of language models that are a matrix and nothing else.
  private static let matrices: Set<Substring> = [
    "lm_head", "embed_tokens", "embed_out", "wte", "word_embeddings", "score",
  ]

  /// Whether a module is a matrix and nothing else: an embedding or an output layer.
  static func isMatrix(_ module: String) -> Bool {
    matrices.contains(NumberedName.last(of: module))
  }

  static func isTransposed(_ module: String) -> Bool {
    transposed.contains(NumberedName.last(of: module))
  }

  /// Whether a module is a normalization: `input_layernorm`, `norm2`, `ln_f`.
  static func isNormalization(_ module: String) -> Bool {
    var name = NumberedName.last(of: module).lowercased()
    while let end = name.last, end == "_" || end.isNumber { name.removeLast() }
    return name.hasPrefix("ln_") || name.hasSuffix("norm")
  }
}
