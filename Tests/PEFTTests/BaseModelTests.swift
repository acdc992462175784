// SPDX-License-Identifier: Apache-2.0
import Foundation
import JSONDocument
import PEFT
import Tensors
import TestSupport
import Testing

/// Base models and adapters of a few tensors, whose names and shapes are all that counts.
struct TinyModel {
  let directory: TemporaryDirectory

  /// Writes `model.safetensors`, and `config.json` if there is a config.
  init(_ config: String?, _ shapes: [String: [UInt64]]) throws {
    directory = try TemporaryDirectory()
    try Self.write(shapes, to: directory.path("model.safetensors"))
    if let config {
      try Data(config.utf8).write(to: URL(fileURLWithPath: directory.path("config.json")))
    }
  }

  /// Writes an adapter next to the model and opens it.
  func adapter(_ config: String, _ shapes: [String: [UInt64]]) throws -> Adapter {
    let path = directory.path("adapter")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Self.write(shapes, to: path + "/adapter_model.safetensors")
    try Data(config.utf8).write(to: URL(fileURLWithPath: path + "/adapter_config.json"))
    return try Adapter(path: path)
  }

  /// Binds an adapter to the model.
  func binding(_ config: String, _ shapes: [String: [UInt64]]) throws -> Binding {
    let adapter = try adapter(config, shapes)
    return try Binding(
      adapter.config, adapter.weights, to: BaseModel(path: directory.path("")))
  }

  private static func write(_ shapes: [String: [UInt64]], to path: String) throws {
    let tensors = shapes.sorted { $0.key < $1.key }.map { name, shape in
      RawSafeTensors.Tensor(
        name, "U8", shape, [UInt8](repeating: 1, count: Int(shape.reduce(1, *))))
    }
    try Data(RawSafeTensors(tensors).encoded()).write(to: URL(fileURLWithPath: path))
  }
}

@Suite("Base models")
struct BaseModelTests {
  static let llama = #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}"#

  static func llamaShapes(layers: Int = 2, prefix: String = "model.") -> [String: [UInt64]] {
    var shapes: [String: [UInt64]] = [
      prefix + "embed_tokens.weight": [10, 4], prefix + "norm.weight": [4],
    ]
    for layer in 0..<layers {
      let start = prefix + "layers.\(layer)."
      shapes[start + "self_attn.q_proj.weight"] = [6, 4]
      shapes[start + "self_attn.k_proj.weight"] = [2, 4]
      shapes[start + "mlp.down_proj.weight"] = [4, 8]
      shapes[start + "input_layernorm.weight"] = [4]
    }
    return shapes
  }

  /// The tensors of a LoRA of rank 2.
  static func lora(_ modules: [(name: String, out: UInt64, in: UInt64)]) -> [String: [UInt64]] {
    var shapes: [String: [UInt64]] = [:]
    for module in modules {
      shapes["base_model.model.\(module.name).lora_A.weight"] = [2, module.in]
      shapes["base_model.model.\(module.name).lora_B.weight"] = [module.out, 2]
    }
    return shapes
  }

  private static func config(_ targets: String, _ more: String = "") -> String {
    #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": \#(targets)\#(more)}"#
  }

  private static let q0 = (name: "model.layers.0.self_attn.q_proj", out: UInt64(6), in: UInt64(4))
  private static let q1 = (name: "model.layers.1.self_attn.q_proj", out: UInt64(6), in: UInt64(4))

  @Test("what PEFT adapts is bound, and kinds of modules are counted (P12, P21)")
  func bound() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let binding = try model.binding(Self.config(#"["q_proj"]"#), Self.lora([Self.q0, Self.q1]))
    #expect(binding.className == "LlamaForCausalLM")
    #expect(binding.bound.count == 4)
    #expect(binding.dead.isEmpty && binding.missing.isEmpty && binding.findings.isEmpty)
    #expect(binding.kinds.map(\.name) == ["self_attn.q_proj"])
    #expect(binding.kinds.first?.counts == [.bound: 2])
  }

  @Test("the prefix of the base model is added to files that lack it (P7)")
  func prefix() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes(prefix: ""))
    let binding = try model.binding(Self.config(#"["q_proj"]"#), Self.lora([Self.q0, Self.q1]))
    #expect(binding.bound.count == 4)
  }

  @Test("targets without tensors are missing, tensors without a target are dead (P22, P23)")
  func missingAndDead() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let other = (name: "model.layers.5.self_attn.q_proj", out: UInt64(6), in: UInt64(4))
    let binding = try model.binding(Self.config(#"["q_proj"]"#), Self.lora([Self.q0, other]))
    #expect(
      binding.missing.map(\.string) == [
        "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight",
      ])
    #expect(
      binding.dead.map(\.string) == [
        "base_model.model.model.layers.5.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.5.self_attn.q_proj.lora_B.weight",
      ])
    #expect(binding.findings.map(\.code) == ["missing-tensor", "unexpected-tensor"])
    #expect(binding.modules.map(\.state) == [.bound, .missing, .dead])
  }

  @Test(
    "targets as PEFT matches them (P12, P13, P15)",
    arguments: [
      (#"["q_proj"]"#, "", 2), (#"["layers.1.self_attn.q_proj"]"#, "", 1), (#"["proj"]"#, "", 0),
      (#"".*q_proj""#, "", 2), (#"".*\\.1\\..*q_proj""#, "", 1), (#""q_proj""#, "", 0),
      (#""(?!.*layers\\.0).*q_proj""#, "", 1), (#""all-linear""#, "", 6),
      (#"["q_proj"]"#, #", "exclude_modules": ["layers.0.self_attn.q_proj"]"#, 1),
      (#"["q_proj", "down_proj"]"#, #", "exclude_modules": ".*down.*""#, 2),
      (#"["q_proj"]"#, #", "layers_to_transform": 1"#, 1),
      (#"["q_proj"]"#, #", "layers_to_transform": [0, 1], "layers_pattern": "layers""#, 2),
      (#"["q_proj"]"#, #", "layers_to_transform": [0], "layers_pattern": "h""#, 0),
      (#"["model.layers.0.self_attn.q_proj"]"#, #", "layers_to_transform": [1]"#, 1),
      (#"["q_proj", "k_proj"]"#, #", "modules_to_save": ["k_proj"]"#, 2),
      ("null", "", 2),
    ])
  func targets(targets: String, more: String, count: Int) throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let binding = try model.binding(Self.config(targets, more), ["x": [1]])
    let adapted = binding.modules.filter { !$0.isSaved }
    #expect(adapted.count == count)
    #expect((binding.findings.contains { $0.code == "no-target" }) == (count == 0))
  }

  @Test("an unsupported expression matches what has tensors, with a note (P20)")
  func unsupportedExpression() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let binding = try model.binding(Self.config(#""(?i:.*Q_PROJ)""#), Self.lora([Self.q0]))
    #expect(binding.bound.count == 2)
    #expect(binding.findings.map(\.code) == ["unmatched-expression"])
    #expect(binding.findings.first?.severity == .note)
  }

  @Test("a layer of a kind that the method cannot adapt is an error (P26)")
  func unsupportedLayer() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let binding = try model.binding(
      Self.config(#"["q_proj", "norm"]"#), Self.lora([Self.q0, Self.q1]))
    #expect(binding.findings.map(\.code) == ["unsupported-layer"])
    #expect(binding.findings.first?.message.hasPrefix("model.norm of the base model") == true)
  }

  @Test("shapes that fit each other must fit the base model, too (P24, P25)")
  func shapes() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let wide = (name: Self.q0.name, out: UInt64(6), in: UInt64(5))
    let binding = try model.binding(Self.config(#"["q_proj"]"#), Self.lora([wide, Self.q1]))
    #expect(binding.findings.map(\.code) == ["shape-mismatch"])
    #expect(binding.modules.map(\.state) == [.mismatched, .bound])
  }

  @Test("weights of Conv1D are [in, out] (P8)")
  func transposed() throws {
    let model = try TinyModel(
      #"{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}"#,
      ["h.0.attn.c_attn.weight": [4, 12], "h.0.attn.c_attn.bias": [12], "wte.weight": [10, 4]])
    let binding = try model.binding(
      Self.config(#"["c_attn"]"#), Self.lora([("transformer.h.0.attn.c_attn", 12, 4)]))
    #expect(binding.findings.isEmpty && binding.bound.count == 2)
  }

  @Test("a tied head is a module of the shape of the embedding (P9)")
  func tied() throws {
    let tied =
      #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true}"#
    let model = try TinyModel(tied, Self.llamaShapes())
    let saved = try model.binding(
      Self.config(#"["q_proj"]"#, #", "modules_to_save": ["lm_head"]"#),
      Self.lora([Self.q0, Self.q1]).merging(["base_model.model.lm_head.weight": [11, 4]]) { $1 })
    #expect(saved.findings.map(\.code) == ["invalid-value", "shape-mismatch"])
  }

  @Test("the head of a task is not in the files of the base model (P5, P9)")
  func head() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let config =
      #"{"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 2, "target_modules": ["q_proj"]}"#
    let tensors = Self.lora([Self.q0, Self.q1])
    let without = try model.binding(config, tensors)
    #expect(without.missing.map(\.string) == ["base_model.model.score.weight"])
    let with = try model.binding(
      config, tensors.merging(["base_model.model.score.weight": [3, 4]]) { $1 })
    #expect(with.className == "LlamaForSequenceClassification")
    #expect(with.findings.isEmpty)
  }

  @Test(
    "experts of files are one parameter in memory, and LoRA of w1 and w3 has twice the rank (P18)")
  func experts() throws {
    var shapes: [String: [UInt64]] = ["model.embed_tokens.weight": [10, 4]]
    for expert in 0..<3 {
      let start = "model.layers.0.block_sparse_moe.experts.\(expert)."
      shapes[start + "w1.weight"] = [8, 4]
      shapes[start + "w3.weight"] = [8, 4]
      shapes[start + "w2.weight"] = [4, 8]
    }
    let model = try TinyModel(
      #"{"model_type": "mixtral", "architectures": ["MixtralForCausalLM"]}"#, shapes)
    let start = "base_model.model.model.layers.0.mlp.experts."
    let tensors: [String: [UInt64]] = [
      start + "base_layer.lora_A.weight": [12, 4], start + "base_layer.lora_B.weight": [16, 12],
      start + "lora_A.weight": [6, 8], start + "lora_B.weight": [4, 6],
    ]
    let binding = try model.binding(Self.config(#"["w1", "w2", "w3"]"#), tensors)
    #expect(binding.findings.isEmpty && binding.bound.count == 4)
    var former: [String: [UInt64]] = [:]
    for expert in 0..<3 {
      let names = [("w1", 8, 4), ("w3", 8, 4), ("w2", 4, 8)] as [(String, UInt64, UInt64)]
      former.merge(
        Self.lora(
          names.map { ("model.layers.0.block_sparse_moe.experts.\(expert).\($0.0)", $0.1, $0.2) })
      ) { $1 }
    }
    let converted = try model.binding(Self.config(#"["w1", "w2", "w3"]"#), former)
    #expect(converted.findings.isEmpty && converted.bound.count == 18)
    let half = try model.binding(Self.config(#"["w1", "w2"]"#), tensors)
    #expect(half.findings.map(\.code).contains("no-target"))
  }

  @Test("quantized weights have unknown sizes (P10)")
  func quantized() throws {
    var shapes = Self.llamaShapes()
    shapes["model.layers.0.self_attn.q_proj.weight"] = nil
    shapes["model.layers.0.self_attn.q_proj.qweight"] = [1, 6]
    shapes["model.layers.0.self_attn.q_proj.scales"] = [1, 6]
    let model = try TinyModel(Self.llama, shapes)
    let binding = try model.binding(Self.config(#"["q_proj"]"#), Self.lora([Self.q0, Self.q1]))
    #expect(binding.findings.isEmpty && binding.bound.count == 4)
  }

  @Test("a model that is not of transformers has the modules of its files (P4)")
  func plain() throws {
    let model = try TinyModel(
      nil, ["body.linear.weight": [6, 4], "body.conv.weight": [3, 2, 5, 5], "norm.weight": [4]])
    let config = #"{"peft_type": "LORA", "r": 2, "target_modules": ["linear", "conv"]}"#
    let binding = try model.binding(
      config,
      [
        "base_model.model.body.linear.lora_A.weight": [2, 4],
        "base_model.model.body.linear.lora_B.weight": [6, 2],
        "base_model.model.body.conv.lora_A.weight": [2, 2, 5, 5],
        "base_model.model.body.conv.lora_B.weight": [3, 2, 1, 1],
      ])
    #expect(binding.className == nil)
    #expect(binding.findings.isEmpty && binding.bound.count == 4)
  }

  @Test("replicated layers (P16)")
  func replicated() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    let q2 = (name: "model.layers.2.self_attn.q_proj", out: UInt64(6), in: UInt64(4))
    let binding = try model.binding(
      Self.config(#"["q_proj"]"#, #", "layer_replication": [[0, 2], [1, 2]]"#),
      Self.lora([Self.q0, Self.q1, q2]))
    #expect(binding.findings.isEmpty && binding.bound.count == 6)
  }

  @Test("sizes of prompts are those of the base model (P27)")
  func prompts() throws {
    let base =
      #"{"model_type": "llama", "hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 2}"#
    let model = try TinyModel(base, Self.llamaShapes())
    let config =
      #"{"peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_virtual_tokens": 3, "token_dim": 5, "num_layers": 2}"#
    let binding = try model.binding(config, ["prompt_embeddings": [3, 5]])
    #expect(binding.findings.map(\.code) == ["base-mismatch"])
    #expect(binding.findings.first?.key == "token_dim")
  }

  @Test("hostile names and configs take bounded work (P11)", .timeLimit(.minutes(1)))
  func hostile() throws {
    var shapes = Self.llamaShapes()
    shapes[String(repeating: "a.", count: 5_000) + "weight"] = [1]
    shapes[String(repeating: "x", count: 100_000) + ".weight"] = [1, 1]
    for number in 0..<1_000 { shapes["model.layers.\(number).mlp.up_proj.weight"] = [1, 1] }
    let model = try TinyModel(Self.llama, shapes)
    let expression = String(repeating: "(.*a|.*b)*", count: 50) + "(?=.*x)(?!.*(?=.*y))q_proj"
    let binding = try model.binding(Self.config("\"\(expression)\""), Self.lora([Self.q0]))
    #expect(
      binding.findings.contains { $0.code == "unmatched-expression" || $0.code == "no-target" })
    let names = (0..<2_000).map { "\"m\($0)\"" }.joined(separator: ",")
    _ = try model.binding(
      Self.config("[\(names)]", #", "modules_to_save": [\#(names)]"#), Self.lora([Self.q0]))
  }

  @Test("a directory without weights tells sizes, and no modules (P1)")
  func configAlone() throws {
    let model = try TinyModel(Self.llama, Self.llamaShapes())
    try FileManager.default.removeItem(atPath: model.directory.path("model.safetensors"))
    let binding = try model.binding(Self.config(#"["q_proj"]"#), Self.lora([Self.q0]))
    #expect(!binding.knowsModules)
    #expect(binding.modules.isEmpty && binding.findings.isEmpty)
  }
}

/// What PEFT 0.18.1, 0.19.0 and 0.21.2 do with each other's adapters of stacked parameters was measured
/// with parameters of different extents, of equal ones, and of modules that are transposed.
@Suite("Layouts of stacked parameters")
struct ParameterLayoutTests {
  private static func config(_ version: String?) -> AdapterConfig {
    var document: JSONObject = [
      "peft_type": "LORA", "task_type": nil, "r": 2, "target_modules": [],
      "target_parameters": ["mlp.experts.gate_up_proj"],
    ]
    if let version { document["peft_version"] = .string(version) }
    return AdapterConfig(document: document)
  }

  @Test(
    "factors that another layout has are an error, or a note where some modules have the same (A25)",
    arguments: [
      ("0.17.1", (0, 21, 2), .note), ("0.18.1", (0, 19, 1), .note), ("0.19.0", (0, 21, 2), .error),
      ("0.19.0", (0, 18, 0), .note), ("0.21.2", (0, 18, 1), .note), ("0.21.2", (0, 19, 0), .error),
      (nil, (0, 21, 2), .note), (nil, (0, 17, 0), nil), ("0.19.1", (0, 21, 2), nil),
      ("0.18.0", (0, 17, 0), nil), ("0.19.1.dev0", (0, 21, 2), nil), ("x", (0, 21, 2), nil),
    ] as [(String?, (Int, Int, Int), Finding.Severity?)])
  func byItself(
    written: String?, read: (Int, Int, Int), severity: Finding.Severity?
  ) throws {
    var options = FindingOptions()
    options.release = ExaminedRelease(PEFTRelease(read.0, read.1, read.2))
    #expect(options.release != nil)
    let findings = Self.config(written).findings(options).filter { $0.code == "parameter-layout" }
    #expect(findings.map(\.severity) == (severity.map { [$0] } ?? []))
    #expect(findings.allSatisfy { $0.key == "target_parameters" })
  }

  /// Binds an adapter of the experts' first parameter to a model of one layer.
  private func findings(
    _ type: String, extents: [UInt64], a: UInt64, b: UInt64, written: String?,
    read: PEFTRelease = ExaminedRelease.newest.release
  ) throws -> [Finding] {
    let name = type == "gpt_oss" ? "GptOssForCausalLM" : "Qwen3MoeForCausalLM"
    let model = try TinyModel(
      #"{"model_type": "\#(type)", "architectures": ["\#(name)"]}"#,
      ["model.layers.0.mlp.experts.gate_up_proj": [3] + extents])
    let start = "base_model.model.model.layers.0.mlp.experts."
    let version = written.map { #", "peft_version": "\#($0)""# } ?? ""
    let adapter = try model.adapter(
      #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": [], "target_parameters": ["mlp.experts.gate_up_proj"]\#(version)}"#,
      [start + "lora_A.weight": [6, a], start + "lora_B.weight": [b, 6]])
    var options = FindingOptions()
    options.base = .model(try BaseModel(path: model.directory.path("")))
    options.release = ExaminedRelease(read)
    return try adapter.examination(options, readsValues: false).findings.filter {
      ["parameter-layout", "shape-mismatch", "missing-tensor"].contains($0.code)
    }
  }

  @Test("with the base model, an error says what becomes of the factors (P32)")
  func withBase() throws {
    let old = PEFTRelease(0, 18, 1)
    // [experts, out, in] = [3, 12, 8]: A has the columns of `in` since 0.19.1.
    func codes(_ a: UInt64, _ b: UInt64, _ written: String?, _ read: PEFTRelease) throws -> Set<
      String
    > {
      let found = try findings(
        "qwen3_moe", extents: [12, 8], a: a, b: b, written: written, read: read)
      return Set(found.map(\.code.rawValue))
    }
    let newest = ExaminedRelease.newest.release
    #expect(try codes(8, 12, "0.21.2", newest).isEmpty)
    #expect(try codes(12, 8, "0.18.1", old).isEmpty)
    #expect(try codes(8, 12, nil, newest).isEmpty)
    #expect(try codes(12, 8, "0.18.1", newest) == ["parameter-layout", "shape-mismatch"])
    #expect(try codes(8, 12, "0.21.2", old) == ["parameter-layout", "shape-mismatch"])
    // Square ones load, and compute something else.
    let square = try findings("qwen3_moe", extents: [8, 8], a: 8, b: 8, written: "0.18.1")
    #expect(square.map(\.code) == ["parameter-layout"])
    #expect(square.first?.message.contains("computes something else") == true)
    let unknown = try findings("qwen3_moe", extents: [8, 8], a: 8, b: 8, written: nil)
    #expect(unknown.map(\.severity) == [.note])
    // Those of gpt_oss, [experts, in, out], were never exchanged but in 0.19.0.
    #expect(try findings("gpt_oss", extents: [8, 12], a: 8, b: 12, written: "0.18.1").isEmpty)
    let exchanged = try findings("gpt_oss", extents: [8, 12], a: 12, b: 8, written: "0.19.0")
    #expect(Set(exchanged.map(\.code)) == ["parameter-layout", "shape-mismatch"])
  }
}
