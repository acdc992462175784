// SPDX-License-Identifier: Apache-2.0
import Foundation
import JSONDocument
import LowRank
import Merging
import PEFT
import Tensors
import TestSupport
import Testing

/// A base model and adapters of a few F32 tensors, whose names and shapes are all that counts.
struct MergeFiles {
  let directory: TemporaryDirectory

  init(_ config: String?, _ shapes: [String: [UInt64]], dtype: String = "F32") throws {
    directory = try TemporaryDirectory()
    try Self.write(shapes, dtype, to: directory.path("model.safetensors"))
    if let config {
      try Data(config.utf8).write(to: URL(fileURLWithPath: directory.path("config.json")))
    }
  }

  /// Writes an adapter and opens it.
  func adapter(
    _ config: String, _ shapes: [String: [UInt64]], named name: String = "adapter"
  ) throws -> Adapter {
    let path = directory.path(name)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Self.write(shapes, "F32", to: path + "/adapter_model.safetensors")
    try Data(config.utf8).write(to: URL(fileURLWithPath: path + "/adapter_config.json"))
    return try Adapter(path: path)
  }

  func targets(
    _ adapters: [Adapter], scale: Double = 1, style: MergeStyle = .once, sumsFirst: Bool = false
  ) throws -> MergeTargets {
    try MergeTargets(
      adapters.map { MergeTargets.Source($0, scale: scale) },
      into: BaseModel(path: directory.path("")), style: style, sumsFirst: sumsFirst)
  }

  private static func write(
    _ shapes: [String: [UInt64]], _ dtype: String, to path: String
  ) throws {
    let size = dtype == "F32" ? 4 : dtype == "U8" ? 1 : 2
    let tensors = shapes.sorted { $0.key < $1.key }.map { name, shape in
      RawSafeTensors.Tensor(
        name, dtype, shape, [UInt8](repeating: 0, count: size * Int(shape.reduce(1, *))))
    }
    try Data(RawSafeTensors(tensors).encoded()).write(to: URL(fileURLWithPath: path))
  }
}

@Suite("Targets of a merge")
struct TargetsTests {
  static let llama = #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}"#
  static let tied =
    #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true}"#

  static func llamaShapes(head: Bool = true) -> [String: [UInt64]] {
    var shapes: [String: [UInt64]] = [
      "model.embed_tokens.weight": [10, 4], "model.norm.weight": [4],
      "model.layers.0.self_attn.q_proj.weight": [6, 4],
      "model.layers.0.self_attn.k_proj.weight": [2, 4],
      "model.layers.0.input_layernorm.weight": [4],
    ]
    if head { shapes["lm_head.weight"] = [10, 4] }
    return shapes
  }

  static func lora(
    _ module: String, out: UInt64, in input: UInt64, rank: UInt64 = 2
  ) -> [String: [UInt64]] {
    [
      "base_model.model.\(module).lora_A.weight": [rank, input],
      "base_model.model.\(module).lora_B.weight": [out, rank],
    ]
  }

  static func config(_ targets: String, _ more: String = "", rank: Int = 2) -> String {
    #"{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": \#(rank), "target_modules": \#(targets)\#(more)}"#
  }

  static let q = "model.layers.0.self_attn.q_proj"

  @Test("A linear layer is one region of its tensor, with the factors as they are")
  func linear() throws {
    let files = try MergeFiles(Self.llama, Self.llamaShapes())
    let adapter = try files.adapter(
      Self.config(#"["q_proj"]"#, #", "lora_alpha": 3"#), Self.lora(Self.q, out: 6, in: 4))
    let tensors = try files.targets([adapter], scale: 0.5).tensors
    let tensor = try #require(tensors.first)
    #expect(tensors.count == 1)
    #expect(tensor.name.string == Self.q + ".weight")
    #expect(tensor.regions.map(\.rows) == [0..<6])
    let change = try #require(tensor.regions.first?.changes.first)
    guard case .product(let product) = change.kind else {
      Issue.record("\(change.kind)")
      return
    }
    #expect(product.terms[0].left.sizes == [6, 2])
    #expect(product.terms[0].right.sizes == [2, 4])
    #expect(product.terms[0].scale == 0.75)
    #expect(change.rounding == .once)
    #expect(
      try files.targets([adapter], style: .safe).tensors[0].regions[0].changes[0].rounding
        == .deltaFirst)
  }

  @Test("A Conv1D has its factors exchanged")
  func transposed() throws {
    let files = try MergeFiles(
      #"{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}"#,
      [
        "transformer.wte.weight": [10, 4], "transformer.h.0.attn.c_attn.weight": [4, 12],
        "transformer.h.0.attn.c_attn.bias": [12],
      ])
    let module = "transformer.h.0.attn.c_attn"
    let adapter = try files.adapter(
      Self.config(#"["c_attn"]"#), Self.lora(module, out: 12, in: 4))
    let product = try Self.products(files.targets([adapter]).tensors[0])[0]
    #expect(product.terms[0].left.sizes == [4, 2])
    #expect(product.terms[0].right.sizes == [2, 12])
  }

  static func products(_ tensor: MergedTensor) throws -> [LowRankProduct] {
    try tensor.regions.flatMap { region in
      try region.changes.map { change in
        guard case .product(let product) = change.kind else {
          throw CheckpointError(.mismatch, "not a product")
        }
        return product
      }
    }
  }

  static let mixtral =
    #"{"model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 2}"#

  static func experts(isStacked: Bool) -> [String: [UInt64]] {
    var shapes: [String: [UInt64]] = [
      "model.embed_tokens.weight": [10, 4], "lm_head.weight": [10, 4],
    ]
    if isStacked {
      shapes["model.layers.0.mlp.experts.gate_up_proj"] = [2, 6, 4]
      shapes["model.layers.0.mlp.experts.down_proj"] = [2, 4, 3]
      shapes["model.layers.0.mlp.gate.weight"] = [2, 4]
      return shapes
    }
    let start = "model.layers.0.block_sparse_moe."
    shapes[start + "gate.weight"] = [2, 4]
    for expert in 0..<2 {
      shapes[start + "experts.\(expert).w1.weight"] = [3, 4]
      shapes[start + "experts.\(expert).w3.weight"] = [3, 4]
      shapes[start + "experts.\(expert).w2.weight"] = [4, 3]
    }
    return shapes
  }

  static let stackedFactors: [String: [UInt64]] = [
    "base_model.model.model.layers.0.mlp.experts.base_layer.lora_A.weight": [4, 4],
    "base_model.model.model.layers.0.mlp.experts.base_layer.lora_B.weight": [6, 4],
    "base_model.model.model.layers.0.mlp.experts.lora_A.weight": [4, 3],
    "base_model.model.model.layers.0.mlp.experts.lora_B.weight": [4, 4],
  ]

  static var separateFactors: [String: [UInt64]] {
    var shapes: [String: [UInt64]] = [:]
    for expert in 0..<2 {
      for leaf in ["w1", "w3", "w2"] {
        let (out, input): (UInt64, UInt64) = leaf == "w2" ? (4, 3) : (3, 4)
        shapes.merge(
          lora("model.layers.0.block_sparse_moe.experts.\(expert).\(leaf)", out: out, in: input)
        ) { first, _ in first }
      }
    }
    return shapes
  }

  @Test(
    "Experts are found in files that have them stacked, and one by one", arguments: [true, false],
    [true, false])
  func experts(isStacked: Bool, isSeparateAdapter: Bool) throws {
    let files = try MergeFiles(Self.mixtral, Self.experts(isStacked: isStacked))
    let adapter =
      isSeparateAdapter
      ? try files.adapter(
        Self.config(#"["w1", "w2", "w3"]"#, #", "peft_version": "0.18.1""#), Self.separateFactors)
      : try files.adapter(
        Self.config(
          "[]",
          #", "target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"], "peft_version": "0.21.2""#
        ), Self.stackedFactors)
    let tensors = try files.targets([adapter]).tensors
    let rows = Dictionary(
      uniqueKeysWithValues: tensors.map { ($0.name.string, $0.regions.map(\.rows)) })
    if isStacked {
      #expect(rows["model.layers.0.mlp.experts.gate_up_proj"] == [0..<6, 6..<12])
      #expect(rows["model.layers.0.mlp.experts.down_proj"] == [0..<4, 4..<8])
    } else {
      #expect(rows.count == 6)
      #expect(rows["model.layers.0.block_sparse_moe.experts.1.w3.weight"] == [0..<3])
      #expect(rows["model.layers.0.block_sparse_moe.experts.1.w2.weight"] == [0..<4])
    }
    // Two projections in one parameter have both ranks, and both α.
    for tensor in tensors {
      for product in try Self.products(tensor) {
        let isJoined =
          !tensor.name.string.hasSuffix("down_proj") && !tensor.name.string.hasSuffix("w2.weight")
        #expect(product.terms[0].left.sizes[1] == (isJoined && isSeparateAdapter ? 4 : 2))
        #expect(product.terms[0].scale == 4)
      }
    }
  }

  @Test("An output layer that is tied to the embedding gets a tensor of its own where they differ")
  func untied() throws {
    let files = try MergeFiles(Self.tied, Self.llamaShapes(head: false))
    let adapter = try files.adapter(
      Self.config(#"["lm_head", "q_proj"]"#),
      Self.lora("lm_head", out: 10, in: 4).merging(Self.lora(Self.q, out: 6, in: 4)) { first, _ in
        first
      })
    let targets = try files.targets([adapter])
    #expect(Set(targets.tensors.map(\.name.string)) == [Self.q + ".weight", "lm_head.weight"])
    let head = try #require(targets.tensors.first { $0.name.string == "lm_head.weight" })
    #expect(head.source != nil && head.shape == [10, 4])
    let config = try #require(
      targets.changed(config: JSONValue(parsing: Array(Self.tied.utf8)).object!))
    #expect(config["tie_word_embeddings"]?.bool == false)
    #expect(targets.notes.count == 1)
  }

  @Test("Rows of tied embeddings stay tied")
  func tiedTokens() throws {
    let files = try MergeFiles(Self.tied, Self.llamaShapes(head: false))
    let adapter = try files.adapter(
      Self.config(#"["q_proj"]"#, #", "trainable_token_indices": [7, 1]"#),
      Self.lora(Self.q, out: 6, in: 4).merging(
        ["base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta": [2, 4]]
      ) { first, _ in first })
    let targets = try files.targets([adapter])
    #expect(
      targets.tensors.map(\.name.string).sorted()
        == ["model.embed_tokens.weight", Self.q + ".weight"].sorted())
    #expect(targets.changed(config: JSONObject()) == nil)
    guard
      case .rows(let rows, _)? = targets.tensors.first(where: { $0.shape[0] == 10 })?.regions[0]
        .changes[0].kind
    else {
      Issue.record("no rows")
      return
    }
    #expect(rows == [7, 1])
  }

  @Test("Several adapters change a weight in turn, or are added up")
  func several() throws {
    let files = try MergeFiles(Self.llama, Self.llamaShapes())
    let first = try files.adapter(Self.config(#"["q_proj"]"#), Self.lora(Self.q, out: 6, in: 4))
    let second = try files.adapter(
      Self.config(#"["q_proj"]"#, rank: 3), Self.lora(Self.q, out: 6, in: 4, rank: 3),
      named: "second")
    let changes = try files.targets([first, second]).tensors[0].regions[0].changes
    #expect(changes.map(\.adapter) == [0, 1])
    let sum = try Self.products(files.targets([first, second], sumsFirst: true).tensors[0])
    #expect(sum.map(\.terms.count) == [2])
  }

  @Test("A new head is added, and the config names its class and its labels")
  func head() throws {
    let files = try MergeFiles(Self.llama, Self.llamaShapes())
    let config =
      #"{"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 2, "target_modules": ["q_proj"], "modules_to_save": ["score"]}"#
    let adapter = try files.adapter(
      config,
      Self.lora(Self.q, out: 6, in: 4).merging(["base_model.model.score.weight": [3, 4]]) {
        first, _ in first
      })
    let targets = try files.targets([adapter])
    let head = try #require(targets.tensors.first { $0.name.string == "score.weight" })
    #expect(head.source == nil && head.shape == [3, 4])
    let changed = try #require(targets.changed(config: JSONObject()))
    #expect(changed["architectures"]?.array?.first?.string == "LlamaForSequenceClassification")
    #expect(changed["id2label"]?.object?.count == 3)
  }
}

@Suite("Refusals of a merge")
struct MergeRefusalTests {
  private static func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was refused"
    } catch {
      let error = error as? CheckpointError
      return [error?.message, error?.hint].compactMap(\.self).joined(separator: "; ")
    }
  }

  @Test(
    "Configs that cannot be merged are refused by name",
    arguments: [
      (#", "init_lora_weights": "pissa_niter_4""#, "pissa_niter_4"),
      (#", "init_lora_weights": "olora""#, "olora"),
      (#", "layer_replication": [[0, 1], [0, 1]]"#, "layer_replication"),
      (#", "alora_invocation_tokens": [1, 2]"#, "aLoRA"),
    ])
  func configs(more: String, part: String) throws {
    let files = try MergeFiles(TargetsTests.llama, TargetsTests.llamaShapes())
    let adapter = try files.adapter(
      TargetsTests.config(#"["q_proj"]"#, more), TargetsTests.lora(TargetsTests.q, out: 6, in: 4))
    let message = Self.message { _ = try files.targets([adapter]) }
    #expect(message.contains(part))
  }

  @Test("An adapter of which PEFT would leave out a part is refused")
  func parts() throws {
    let files = try MergeFiles(TargetsTests.llama, TargetsTests.llamaShapes())
    var shapes = TargetsTests.lora(TargetsTests.q, out: 6, in: 4)
    shapes.merge(TargetsTests.lora("model.layers.3.self_attn.q_proj", out: 6, in: 4)) { first, _ in
      first
    }
    let adapter = try files.adapter(TargetsTests.config(#"["q_proj"]"#), shapes)
    let message = Self.message { _ = try files.targets([adapter]) }
    #expect(message.contains("model.layers.3.self_attn.q_proj"))
  }

  @Test("A quantized base is refused by its scheme, with the model to merge into")
  func quantized() throws {
    let config =
      #"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "_name_or_path": "someone/llama-AWQ", "quantization_config": {"quant_method": "awq", "bits": 4}}"#
    let files = try MergeFiles(config, TargetsTests.llamaShapes())
    let adapter = try files.adapter(
      TargetsTests.config(#"["q_proj"]"#), TargetsTests.lora(TargetsTests.q, out: 6, in: 4))
    let message = Self.message { _ = try files.targets([adapter]) }
    #expect(message.contains("awq, 4 bits") && message.contains("someone/llama"))
    #expect(!message.contains("llama-AWQ"))
  }

  @Test("A weight of whole numbers is refused")
  func integers() throws {
    let files = try MergeFiles(TargetsTests.llama, TargetsTests.llamaShapes(), dtype: "U8")
    let adapter = try files.adapter(
      TargetsTests.config(#"["q_proj"]"#), TargetsTests.lora(TargetsTests.q, out: 6, in: 4))
    let message = Self.message { _ = try files.targets([adapter]) }
    #expect(message.contains("U8"))
  }

  @Test("Two adapters that replace the same rows, or normalize a changed weight, are refused")
  func clashes() throws {
    let files = try MergeFiles(TargetsTests.llama, TargetsTests.llamaShapes())
    let plain = try files.adapter(
      TargetsTests.config(#"["q_proj"]"#), TargetsTests.lora(TargetsTests.q, out: 6, in: 4))
    var shapes = TargetsTests.lora(TargetsTests.q, out: 6, in: 4)
    shapes["base_model.model.\(TargetsTests.q).lora_magnitude_vector"] = [6]
    let dora = try files.adapter(
      TargetsTests.config(#"["q_proj"]"#, #", "use_dora": true"#), shapes, named: "dora")
    #expect(Self.message { _ = try files.targets([plain, dora]) }.contains("DoRA"))
    #expect(try files.targets([dora, plain]).tensors.count == 1)
    #expect(Self.message { _ = try files.targets([dora], scale: 2) }.contains("scale"))
  }
}
