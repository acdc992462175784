// SPDX-License-Identifier: Apache-2.0
import PEFT
import Tensors
import TestSupport
import Testing

/// How tensors bind to a base model beyond the plain cases, and what is said of those that do not.
@Suite("Bindings")
struct BindingTests {
  private static let prefix = "base_model.model."

  /// Binds an adapter, and joins the findings of the base model with those of the adapter alone.
  private static func findings(
    _ model: TinyModel, _ config: String, _ shapes: [String: [UInt64]]
  ) throws -> [Finding] {
    let adapter = try model.adapter(config, shapes)
    let binding = try Binding(
      adapter.config, adapter.weights, to: BaseModel(path: model.directory.path("")))
    // The tensors of tests are bytes.
    return binding.combined(with: try Attachment(adapter.config, adapter.weights).findings)
      .filter { $0.code != "unsupported-dtype" }
  }

  private static func llama(_ more: [String: [UInt64]] = [:]) throws -> TinyModel {
    try TinyModel(
      #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4}"#,
      BaseModelTests.llamaShapes().merging(more) { $1 })
  }

  private static func lora(_ modules: String...) -> [String: [UInt64]] {
    let sizes: [String: (UInt64, UInt64)] = [
      "self_attn.q_proj": (6, 4), "self_attn.k_proj": (2, 4), "mlp.down_proj": (4, 8),
    ]
    return BaseModelTests.lora(
      modules.compactMap { module in
        sizes[String(module.dropFirst(2))].map { ("model.layers.\(module)", $0.0, $0.1) }
      })
  }

  @Test(
    "the key of the config to blame is the one with which PEFT would load all tensors (P31)",
    arguments: [
      (
        #""target_modules": ["q_proj"], "layers_to_transform": [1]"#, ["0.self_attn.q_proj"],
        "layers_to_transform", "[0]"
      ),
      (#""target_modules": ["q_proj"]"#, ["0.self_attn.q_proj"], "layers_to_transform", "[0]"),
      (
        #""target_modules": ["q_proj"], "layers_to_transform": [0], "layers_pattern": "h""#,
        ["0.self_attn.q_proj"], "layers_pattern", "\"layers\""
      ),
      (
        #""target_modules": ["q_proj", "down_proj"]"#,
        ["0.self_attn.q_proj", "0.mlp.down_proj", "1.mlp.down_proj"], "exclude_modules",
        #"["model.layers.1.self_attn.q_proj"]"#
      ),
      (
        #""target_modules": ["down_proj"]"#, ["0.self_attn.q_proj", "1.self_attn.q_proj"],
        "target_modules", #"["q_proj"]"#
      ),
      (
        #""r": 5, "target_modules": ["q_proj"]"#, ["0.self_attn.q_proj", "1.self_attn.q_proj"], "r",
        "2"
      ),
      (
        #""lora_bias": true, "target_modules": ["q_proj"]"#,
        ["0.self_attn.q_proj", "1.self_attn.q_proj"], "lora_bias", "false"
      ),
    ])
  func trials(values: String, modules: [String], key: String, value: String) throws {
    let rank = values.contains("\"r\"") ? "" : #""r": 2, "#
    let shapes = modules.reduce(into: [String: [UInt64]]()) { shapes, module in
      shapes.merge(Self.lora(module)) { $1 }
    }
    let findings = try Self.findings(
      Self.llama(), #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", \#(rank)\#(values)}"#, shapes)
    let errors = findings.filter { $0.severity == .error }
    #expect(
      errors.first?.message.contains("with \"\(key)\": \(value), PEFT loads") == true, "\(errors)")
    #expect(errors.allSatisfy { $0.key == key })
  }

  @Test("a module whose own weights are in the file was saved whole (P31)")
  func savedByTrial() throws {
    var shapes = Self.lora("0.self_attn.q_proj")
    shapes[Self.prefix + "model.layers.1.self_attn.q_proj.weight"] = [6, 4]
    let findings = try Self.findings(
      Self.llama(),
      #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"]}"#,
      shapes)
    let error = findings.first { $0.severity == .error }
    #expect(error?.key == "modules_to_save")
  }

  @Test("with the base's sizes, the tensor that does not fit is blamed, not its sibling (P25)")
  func blame() throws {
    let model = try TinyModel(nil, ["inner.weight": [16, 12]])
    let findings = try Self.findings(
      model, #"{"peft_type": "ROAD", "group_size": 4, "target_modules": ["inner"]}"#,
      [Self.prefix + "inner.road_alpha": [8], Self.prefix + "inner.road_theta": [7]])
    let errors = findings.filter { $0.severity == .error }
    #expect(errors.map(\.tensor) == [TensorName(Self.prefix + "inner.road_theta")])
  }

  @Test(
    "input channels of a convolution are a multiple of those of a group (P24)", arguments: [8, 9])
  func groups(inputs: UInt64) throws {
    let model = try TinyModel(nil, ["conv.weight": [16, 2, 3, 3]])
    let findings = try Self.findings(
      model, #"{"peft_type": "LORA", "r": 4, "target_modules": ["conv"]}"#,
      [
        Self.prefix + "conv.lora_A.weight": [4, inputs, 3, 3],
        Self.prefix + "conv.lora_B.weight": [16, 1, 1, 1],
      ])
    #expect(findings.contains { $0.code == "shape-mismatch" } == (inputs == 9))
  }

  @Test("GLoRA has paths for the bias where the layer has one (P24)", arguments: [true, false])
  func pathsOfBias(hasBias: Bool) throws {
    let model = try TinyModel(
      nil, hasBias ? ["x.weight": [6, 4], "x.bias": [6]] : ["x.weight": [6, 4]])
    let binding = try model.binding(
      #"{"peft_type": "GLORA", "r": 2, "target_modules": ["x"]}"#, ["other": [1]])
    let names = Set(binding.missing.map(\.string))
    #expect(names.contains(Self.prefix + "x.glora_D.X") == hasBias)
    #expect(names.contains(Self.prefix + "x.glora_D.zeros") == !hasBias)
  }

  @Test(
    "proportional allocation of WaveFT takes the sizes of all modules (P24)", arguments: [6, 7])
  func proportional(count: UInt64) throws {
    let model = try TinyModel(nil, ["a.weight": [6, 4], "b.weight": [4, 4]])
    let findings = try Self.findings(
      model,
      #"{"peft_type": "WAVEFT", "n_frequency": 5, "proportional_parameters": true, "target_modules": ["a", "b"]}"#,
      [Self.prefix + "a.waveft_spectrum": [count], Self.prefix + "b.waveft_spectrum": [4]])
    #expect(findings.contains { $0.code == "shape-mismatch" } == (count == 7))
  }

  @Test(
    "methods that refuse Conv1D (P26)",
    arguments: [("LORA", true), ("OFT", false), ("MISS", false)])
  func transposedLayers(type: String, isAdapted: Bool) throws {
    let model = try TinyModel(
      #"{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}"#,
      ["h.0.attn.c_attn.weight": [4, 12], "h.0.attn.c_attn.bias": [12], "wte.weight": [10, 4]])
    let binding = try model.binding(
      #"{"peft_type": "\#(type)", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["c_attn"]}"#,
      ["other": [1]])
    #expect(binding.findings.contains { $0.code == "unsupported-layer" } == !isAdapted)
  }

  @Test(
    "a new head is a matrix, as wide as something in the model, with a bias of its rows (P9, P24)",
    arguments: [
      ([2, 4], [2], true), ([8], [2], false), ([2, 5], [2], false), ([3, 4], [2], false),
    ])
  func newHead(weight: [UInt64], bias: [UInt64], fits: Bool) throws {
    let model = try TinyModel(
      #"{"model_type": "bert", "architectures": ["BertModel"]}"#,
      [
        "embeddings.word_embeddings.weight": [10, 4], "pooler.dense.weight": [4, 4],
        "pooler.dense.bias": [4],
      ])
    let findings = try Self.findings(
      model,
      #"{"peft_type": "P_TUNING", "task_type": "TOKEN_CLS", "num_virtual_tokens": 3, "token_dim": 4}"#,
      [
        "prompt_embeddings": [3, 4], "base_model.classifier.weight": weight,
        "base_model.classifier.bias": bias,
      ])
    #expect(findings.filter { $0.severity == .error }.isEmpty == fits, "\(findings)")
  }

  @Test(
    "biases are below the wrappers of the modules around them, and saved modules have copies (P21)")
  func biases() throws {
    let model = try TinyModel(
      nil,
      [
        "attention.in_proj_weight": [12, 4], "attention.in_proj_bias": [12],
        "attention.out_proj.weight": [4, 4], "attention.out_proj.bias": [4], "head.weight": [2, 4],
        "head.bias": [2],
      ])
    let shapes: [String: [UInt64]] = [
      "attention.lora_A.weight": [2, 4], "attention.lora_B.weight": [12, 2],
      "attention.base_layer.out_proj.lora_A.weight": [2, 4],
      "attention.base_layer.out_proj.lora_B.weight": [4, 2],
      "attention.base_layer.out_proj.base_layer.bias": [4], "head.weight": [2, 4], "head.bias": [2],
      "head.original_module.bias": [2], "head.modules_to_save.bias": [2],
    ]
    let binding = try model.binding(
      #"{"peft_type": "LORA", "r": 2, "bias": "all", "target_modules": ["attention"], "modules_to_save": ["head"]}"#,
      Dictionary(uniqueKeysWithValues: shapes.map { (Self.prefix + $0, $1) }))
    #expect(binding.dead.isEmpty && binding.missing.isEmpty && binding.findings.isEmpty)
  }

  @Test(
    "names of tensors that exist once: PEFT also takes some behind its prefix (P21)",
    arguments: [("VERA", "vera_A", true), ("FROD", "frod_V.inner", false)])
  func sharedNames(type: String, leaf: String, isTaken: Bool) throws {
    let model = try TinyModel(nil, ["inner.weight": [6, 4]])
    let binding = try model.binding(
      #"{"peft_type": "\#(type)", "r": 2, "target_modules": ["inner"]}"#,
      [Self.prefix + "base_model." + leaf: type == "VERA" ? [2, 4] : [4, 4]])
    #expect(binding.dead.isEmpty == isTaken)
  }

  @Test("LoRA names without a prefix get it, for models whose names PEFT converts (P19)")
  func convertedWithoutPrefix() throws {
    var shapes: [String: [UInt64]] = ["model.embed_tokens.weight": [10, 4]]
    shapes["model.layers.0.self_attn.q_proj.weight"] = [6, 4]
    shapes["model.layers.0.block_sparse_moe.gate.weight"] = [3, 4]
    let config =
      #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"]}"#
    let tensors: [String: [UInt64]] = [
      "model.layers.0.self_attn.q_proj.lora_A.weight": [2, 4],
      Self.prefix + "model.layers.0.self_attn.q_proj.lora_B.weight": [6, 2],
    ]
    let mixtral = try TinyModel(
      #"{"model_type": "mixtral", "architectures": ["MixtralForCausalLM"]}"#, shapes)
    #expect(try Self.findings(mixtral, config, tensors).isEmpty)
    #expect(
      try Self.findings(Self.llama(), config, tensors).contains { $0.code == "misnamed-tensor" })
  }

  @Test("a parameter that target_parameters names and no module has is a note (P17)")
  func unmatchedParameters() throws {
    let findings = try Self.findings(
      Self.llama(),
      #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"], "target_parameters": ["nothing"]}"#,
      Self.lora("0.self_attn.q_proj", "1.self_attn.q_proj"))
    #expect(findings.filter { $0.key == "target_parameters" }.map(\.severity) == [.note])
  }
}
