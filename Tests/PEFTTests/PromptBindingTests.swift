// SPDX-License-Identifier: Apache-2.0
import PEFT
import Tensors
import TestSupport
import Testing

/// What a base model shows about prompts and about the network of ShadowPEFT.
@Suite("Prompts and networks beside a base model")
struct PromptBindingTests {
  private static func model(_ more: String = "") throws -> TinyModel {
    try TinyModel(
      #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 4\#(more)}"#,
      BaseModelTests.llamaShapes())
  }

  @Test(
    "sizes are compared that the method uses (P27)",
    arguments: [
      ("P_TUNING", #""token_dim": 4, "num_layers": 5"#, [3, 4], []),
      ("P_TUNING", #""token_dim": 5"#, [3, 5], ["token_dim"]),
      (
        "PREFIX_TUNING", #""token_dim": 4, "num_layers": 5, "num_attention_heads": 4"#, [3, 40],
        ["num_layers"]
      ),
    ])
  func sizes(type: String, values: String, shape: [UInt64], keys: [String]) throws {
    let binding = try Self.model().binding(
      #"{"peft_type": "\#(type)", "task_type": "CAUSAL_LM", "num_virtual_tokens": 3, \#(values)}"#,
      ["prompt_embeddings": shape])
    #expect(binding.findings.compactMap(\.key) == keys)
  }

  @Test(
    "the prompt of CPT is as wide as the model, whatever the config says (P27)", arguments: [4, 5])
  func contextWidth(width: UInt64) throws {
    let binding = try Self.model().binding(
      #"{"peft_type": "CPT", "task_type": "CAUSAL_LM", "cpt_token_ids": [1, 2, 3], "token_dim": 9}"#,
      ["prompt_embeddings": [3, width]])
    #expect(binding.findings.map(\.code) == (width == 4 ? [] : ["shape-mismatch"]))
  }

  @Test("a width without the number of heads is divided by the base model's (P27)")
  func halfOfTheHeads() throws {
    let model = try Self.model(#", "num_key_value_heads": 2"#)
    let start =
      #"{"peft_type": "CARTRIDGE", "task_type": "CAUSAL_LM", "num_virtual_tokens": 3, "num_layers": 2, "token_dim": 2"#
    let whole = try model.binding(
      start + #", "num_attention_heads": 2}"#, ["prompt_embeddings": [3, 8]])
    #expect(whole.findings.isEmpty)
    let half = try model.binding(start + "}", ["prompt_embeddings": [3, 8]])
    #expect(half.findings.map(\.key) == ["num_attention_heads"])
  }

  @Test("the network of ShadowPEFT has the first layers of the base model (P30)")
  func network() throws {
    let start = "base_model.shadow_backbone.default."
    var tensors = BaseModelTests.llamaShapes(layers: 1, prefix: start)
    tensors[start + "embed_tokens.weight"] = nil
    for layer in 0..<2 {
      let block = "base_model.model.model.layers.\(layer)."
      tensors[block + "shadow_down.default.weight"] = [2, 4]
      tensors[block + "shadow_up.default.weight"] = [4, 2]
      for name in ["shadow_update_transform.default", "shadow_update_gate.default"] {
        tensors[block + name + ".0.weight"] = [2, 4]
        tensors[block + name + ".0.bias"] = [2]
        tensors[block + name + ".2.weight"] = [4, 2]
        tensors[block + name + ".2.bias"] = [4]
      }
    }
    let config = #"{"peft_type": "SHADOW", "task_type": "CAUSAL_LM", "r": 2}"#
    let whole = try Self.model().binding(config, tensors)
    #expect(whole.findings.isEmpty && whole.dead.isEmpty && whole.missing.isEmpty)
    tensors[start + "layers.0.mlp.down_proj.weight"] = [4, 7]
    tensors[start + "norm.weight"] = nil
    tensors[start + "layers.1.self_attn.k_proj.weight"] = [2, 4]
    let damaged = try Self.model().binding(config, tensors)
    #expect(damaged.missing.map(\.string) == [start + "norm.weight"])
    #expect(damaged.dead.map(\.string) == [start + "layers.1.self_attn.k_proj.weight"])
    #expect(
      Set(damaged.findings.map(\.code)) == [
        "missing-tensor", "unexpected-tensor", "shape-mismatch",
      ])
  }
}
