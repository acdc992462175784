// SPDX-License-Identifier: Apache-2.0
import PEFT
import Tensors
import TestSupport
import Testing

/// Embeddings and output layers with one weight, and what PEFT makes of adapters for either.
@Suite("Tied embeddings")
struct TiedEmbeddingTests {
  private static let prefix = "base_model.model."
  private static let rows = ".token_adapter.trainable_tokens_delta"

  private static func binding(
    _ config: String, _ tensors: [String: [UInt64]], isTied: Bool = true
  ) throws -> Binding {
    let model = try TinyModel(
      #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": \#(isTied)}"#,
      BaseModelTests.llamaShapes().merging(isTied ? [:] : ["lm_head.weight": [10, 4]]) { $1 })
    return try model.binding(
      config, Dictionary(uniqueKeysWithValues: tensors.map { (prefix + $0, $1) }))
  }

  private static let lora: [String: [UInt64]] = [
    "model.layers.0.self_attn.q_proj.lora_A.weight": [2, 4],
    "model.layers.0.self_attn.q_proj.lora_B.weight": [6, 2],
    "model.layers.1.self_attn.q_proj.lora_A.weight": [2, 4],
    "model.layers.1.self_attn.q_proj.lora_B.weight": [6, 2],
  ]

  private static func config(_ more: String) -> String {
    #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"], \#(more)}"#
  }

  @Test(
    "rows of tied embeddings are saved once, unless the tokens differ (P29)",
    arguments: [
      (#"{"embed_tokens": [1, 2]}"#, ["model.embed_tokens"]), (#"[1, 2]"#, ["model.embed_tokens"]),
      (#"{"embed_tokens": [1, 2], "lm_head": [1, 2]}"#, ["model.embed_tokens"]),
      (#"{"embed_tokens": [1, 2], "lm_head": [3, 4]}"#, ["model.embed_tokens", "lm_head"]),
      (#"{"lm_head": [1, 2]}"#, ["lm_head"]),
    ])
  func rows(indices: String, modules: [String]) throws {
    var tensors = Self.lora
    for module in modules { tensors[module + Self.rows] = [2, 4] }
    let binding = try Self.binding(Self.config(#""trainable_token_indices": \#(indices)"#), tensors)
    #expect(binding.findings.isEmpty && binding.dead.isEmpty && binding.missing.isEmpty)
  }

  @Test(
    "tokens that the embedding has no row for (P29)",
    arguments: [("[1, 9]", false), ("[1, 10]", true), (#"{"embed_tokens": [-1, 2]}"#, true)])
  func absentTokens(indices: String, isFound: Bool) throws {
    var tensors = Self.lora
    tensors["model.embed_tokens" + Self.rows] = [2, 4]
    let binding = try Self.binding(Self.config(#""trainable_token_indices": \#(indices)"#), tensors)
    #expect(binding.findings.map(\.key) == (isFound ? ["trainable_token_indices"] : []))
  }

  @Test(
    "a saved module that shares trained rows is saved below them (P29)", arguments: [true, false])
  func savedBelowRows(isTied: Bool) throws {
    var tensors = Self.lora
    tensors["model.embed_tokens" + Self.rows] = [2, 4]
    tensors[isTied ? "lm_head.token_adapter.base_layer.weight" : "lm_head.weight"] = [10, 4]
    let binding = try Self.binding(
      Self.config(#""trainable_token_indices": [1, 2], "modules_to_save": ["lm_head"]"#), tensors,
      isTied: isTied)
    #expect(binding.findings.map(\.key) == (isTied ? ["ensure_weight_tying"] : []))
    #expect(binding.dead.isEmpty && binding.missing.isEmpty)
  }

  @Test("ensure_weight_tying saves the modules that are tied to a saved embedding (P13)")
  func savedTogether() throws {
    let config = Self.config(#""ensure_weight_tying": true, "modules_to_save": ["embed_tokens"]"#)
    var tensors = Self.lora
    tensors["model.embed_tokens.weight"] = [10, 4]
    let half = try Self.binding(config, tensors)
    #expect(half.missing.map(\.string) == [Self.prefix + "lm_head.weight"])
    tensors["lm_head.weight"] = [10, 4]
    #expect(try Self.binding(config, tensors).findings.isEmpty)
  }

  @Test(
    "trained rows of a tied module are missing without harm; a target of both is wrapped twice (P23)"
  )
  func trainableTokens() throws {
    let leaf = ".trainable_tokens_delta"
    func config(_ targets: String) -> String {
      #"{"peft_type": "TRAINABLE_TOKENS", "task_type": "CAUSAL_LM", "token_indices": [1, 2], "target_modules": \#(targets)}"#
    }
    let half = try Self.binding(
      config(#"["embed_tokens"]"#), ["model.embed_tokens" + leaf: [2, 4]])
    #expect(half.missing.map(\.string) == [Self.prefix + "lm_head" + leaf])
    #expect(half.findings.map(\.code) == ["invalid-value", "missing-tensor"])
    #expect(half.findings.allSatisfy { $0.severity == .note })
    let both = try Self.binding(
      config(#"["embed_tokens", "lm_head"]"#),
      [
        "model.embed_tokens" + leaf: [2, 4], "lm_head" + leaf: [2, 4],
        "lm_head.base_layer" + leaf: [2, 4],
      ])
    #expect(both.findings.map(\.code) == ["invalid-value"])
    #expect(both.dead.isEmpty && both.missing.isEmpty)
  }
}
