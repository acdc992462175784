// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import SafeTensors
import Tensors
import TestSupport
import Testing

@testable import PEFT

@Suite("What the tensors tell without the base model")
struct UnbasedFindingTests {
  private static let prefix = "base_model.model.model.layers."

  /// The errors about tensors of some shapes with a config.
  private func errors(
    _ shapes: [(String, [Int])], _ keys: JSONObject
  ) throws -> [Finding] {
    let directory = try TemporaryDirectory()
    let tensors = shapes.map { name, shape in
      RawSafeTensors.Tensor(
        name, "F32", shape.map(UInt64.init), [UInt8](repeating: 63, count: 4 * shape.reduce(1, *)))
    }
    let path = try directory.write(RawSafeTensors(tensors).encoded(), to: "a.safetensors")
    var document: JSONObject = ["peft_type": "MISS", "task_type": "CAUSAL_LM", "r": 4]
    for member in keys { document[member.key] = member.value }
    let config = AdapterConfig(document: document)
    let file = try SafeTensorsFile(path: path)
    return try
      (config.method.findings(about: config, fieldFindings: [])
      + Attachment(config, file).findings).filter { $0.severity == .error }
  }

  /// The blocks of MiSS of modules, in the same shape.
  private func blocks(_ modules: String..., width: Int = 16) -> [(String, [Int])] {
    modules.map { ("base_model.model." + $0 + ".miss_block", [4, width]) }
  }

  @Test("`model.` before a root that no class of transformers has there (A4)")
  func roots() throws {
    func renames(_ module: String, _ keys: JSONObject = [:]) throws -> [TensorName] {
      var all: JSONObject = ["target_modules": ["query_key_value", "query"]]
      for member in keys { all[member.key] = member.value }
      return try errors(blocks(module), all).flatMap(\.renames).map(\.to)
    }
    let neox = "model.gpt_neox.layers.0.attention.query_key_value"
    #expect(
      try renames(neox)
        == ["base_model.model.gpt_neox.layers.0.attention.query_key_value.miss_block"])
    #expect(try renames("model.encoder.layer.0.attention.self.query").count == 1)
    #expect(try renames("model.encoder.layers.0.attention.query").isEmpty)
    // A class of another library may wrap a model.
    #expect(try renames(neox, ["task_type": .null]).isEmpty)
    #expect(
      try renames(neox, ["auto_mapping": ["parent_library": "__main__"]]).isEmpty)
  }

  /// The tensors of a LoRA module beside others.
  private func lora(_ others: [(String, [Int])]) -> [(String, [Int])] {
    let stem = "base_model.model.roberta.encoder.layer.0.attention.self.query.lora_"
    return [(stem + "A.weight", [4, 8]), (stem + "B.weight", [8, 4])] + others
  }

  private static let loraKeys: JSONObject = ["peft_type": "LORA", "target_modules": ["query"]]

  @Test("a part of a saved module is not taken for the name of an adapter (A16)")
  func savedParts() throws {
    func renames(_ names: String...) throws -> [TensorName] {
      let tensors = lora(
        names.map { ("base_model.model.classifier.modules_to_save." + $0, [8, 8]) })
      let keys = Self.loraKeys.merging(["modules_to_save": ["classifier"]])
      return try errors(tensors, keys).flatMap(\.renames).map(\.to)
    }
    #expect(
      try renames("dense.weight", "out_proj.weight") == [
        "base_model.model.classifier.dense.weight", "base_model.model.classifier.out_proj.weight",
      ])
    #expect(try renames("default.weight") == ["base_model.model.classifier.weight"])
  }

  @Test("modules of a list that other kinds of models have are no error (A16)")
  func savedLists() throws {
    let keys = Self.loraKeys.merging(["modules_to_save": ["pooler", "decoder"]])
    let some = lora([("base_model.model.pooler.weight", [8, 8])])
    #expect(try errors(some, keys).isEmpty)
    #expect(try errors(lora([]), keys).map(\.code) == ["missing-module"])
  }

  @Test("rows of tokens that the config does not name are ignored (A17)")
  func unnamedTokens() throws {
    let rows =
      "base_model.model.roberta.embeddings.word_embeddings.token_adapter.trainable_tokens_delta"
    let tensors = lora([(rows, [2, 8])])
    #expect(try errors(tensors, Self.loraKeys).map(\.code) == ["unexpected-tensor"])
    let keys = Self.loraKeys.merging(["trainable_token_indices": ["word_embeddings": [1, 2]]])
    #expect(try errors(tensors, keys).isEmpty)
  }

  @Test("a rank is for all modules, or for some in rank_pattern (A14)")
  func rankAdvice() throws {
    func message(_ ranks: [Int]) throws -> String? {
      let tensors = ranks.enumerated().flatMap { layer, rank in
        let stem = "base_model.model.roberta.encoder.layer.\(layer).attention.self.query.lora_"
        return [(stem + "A.weight", [rank, 8]), (stem + "B.weight", [8, rank])]
      }
      return try errors(tensors, Self.loraKeys).first?.message
    }
    #expect(try message([2, 2])?.hasSuffix("; set \"r\" to 2 if the tensors are right") == true)
    #expect(
      try message([2, 4])?.hasSuffix(
        "; give the module the value 2 in \"rank_pattern\" if the tensors are right") == true)
  }

  @Test("modules that no default of PEFT selects (A21)")
  func defaults() throws {
    let keys: JSONObject = ["target_modules": .null]
    let usual = blocks("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj")
    #expect(try errors(usual, keys).isEmpty)
    let other = try errors(usual + blocks("model.layers.0.mlp.down_proj"), keys)
    #expect(other.map(\.code) == ["untargeted-module"])
    #expect(other.map(\.key) == ["target_modules"])
    let fewer = try errors(blocks("model.layers.0.self_attn.v_proj"), keys)
    #expect(fewer.map(\.code) == ["missing-module"])
  }

  @Test("the key that leaves a module out is named (A11)")
  func keys() throws {
    let both = blocks("model.layers.0.mlp.wo", "model.layers.1.mlp.wo")
    let layers = try errors(both, ["target_modules": ["wo"], "layers_to_transform": 1])
    #expect(layers.map(\.key) == ["layers_to_transform"])
    let excluded = try errors(
      both, ["target_modules": ["wo"], "exclude_modules": ["layers.0.mlp.wo"]])
    #expect(excluded.map(\.key) == ["exclude_modules"])
  }

  @Test("a listed module that every model has next to an adapted one (A12)")
  func companions() throws {
    let values = blocks("model.layers.0.self_attn.v_proj")
    let missing = try errors(values, ["target_modules": ["v_proj", "q_proj"]])
    #expect(missing.map(\.code) == ["missing-module"])
    #expect(
      missing.map(\.tensor) == ["base_model.model.model.layers.0.self_attn.q_proj.miss_block"])
    #expect(try errors(values, ["target_modules": ["v_proj", "c_attn"]]).isEmpty)
  }

  @Test("a wrong layer number, and a kind of module with the same last name (A13)")
  func siblings() throws {
    let stack = blocks(
      "decoder.block.0.SelfAttention.q", "decoder.block.1.SelfAttention.q",
      "decoder.block.0.EncDecAttention.q")
    let keys: JSONObject = ["target_modules": ["q"]]
    let missing: [TensorName?] = [
      "base_model.model.decoder.block.1.EncDecAttention.q.miss_block"
    ]
    #expect(try errors(stack, keys).map(\.tensor) == missing)
    #expect(
      try errors(stack + blocks("decoder.block.7.EncDecAttention.q"), keys).map(\.tensor)
        == missing)
    // A layer with another kind of attention lacks none.
    let mixed = blocks(
      "h.0.attn.q", "h.1.cross.q", "h.2.attn.q", "h.0.mlp.wo", "h.1.mlp.wo", "h.2.mlp.wo")
    #expect(try errors(mixed, ["target_modules": ["q", "wo"]]).isEmpty)
  }

  @Test("the widths of a single layer (A14)")
  func widths() throws {
    func shapes(_ input: Int) -> [(String, [Int])] {
      [("q_proj", [4, input], [32, 4]), ("down_proj", [4, 24], [16, 4])].flatMap { module, a, b in
        [
          (Self.prefix + "0.mlp.\(module).lora_A.weight", a),
          (Self.prefix + "0.mlp.\(module).lora_B.weight", b),
        ]
      }
    }
    let keys: JSONObject = ["peft_type": "LORA", "target_modules": ["q_proj", "down_proj"]]
    #expect(try errors(shapes(16), keys).isEmpty)
    #expect(
      try errors(shapes(17), keys).map(\.tensor)
        == [TensorName(Self.prefix + "0.mlp.q_proj.lora_A.weight")])
    let norm = "base_model.model.model.norm.weight"
    let whole = shapes(16) + [(Self.prefix + "0.self_attn.k_proj.weight", [8, 16]), (norm, [17])]
    #expect(
      try errors(whole, keys.merging(["modules_to_save": ["norm", "k_proj"]])).map(\.tensor)
        == [TensorName(norm)])
  }

  @Test(
    "tensors of a module of the base model that contradict each other (A22)",
    arguments: [
      (["weight": [16], "bias": [16]], nil), (["weight": [16], "bias": [15]], "bias"),
      (["weight": [17], "bias": [16]], "weight"), (["weight": [1, 16], "bias": [16]], "weight"),
      (["weight": [16], "bias": [1, 16]], "bias"), (["bias": [16]], "weight"),
      (["weighx": [16]], "weight"), (["weight": [16]], "bias"),
    ] as [([String: [Int]], String?)])
  func pairs(tensors: [String: [Int]], blamed: String?) throws {
    let module = "base_model.model.gpt_neox.final_layer_norm."
    let found = try errors(
      blocks("gpt_neox.layers.0.attention.dense") + tensors.map { (module + $0.key, $0.value) },
      ["target_modules": ["dense"], "modules_to_save": ["final_layer_norm"]])
    #expect(found.map(\.tensor) == (blamed.map { [TensorName(module + $0)] } ?? []))
  }

  @Test("the bias of an adapted module has as many elements as the module has outputs (A22)")
  func bias() throws {
    let module = Self.prefix + "0.self_attn.q_proj."
    func found(_ bias: (String, [Int])) throws -> [TensorName?] {
      try errors(
        [(module + "lora_A.weight", [4, 16]), (module + "lora_B.weight", [16, 4]), bias],
        ["peft_type": "LORA", "target_modules": ["q_proj"], "bias": "all"]
      ).map(\.tensor)
    }
    let name = module + "base_layer.bias"
    #expect(try found((name, [16])) == [])
    #expect(try found((name, [17])) == [TensorName(name)])
    #expect(try found((name, [0])) == [TensorName(name)])
    let orphan = Self.prefix + "0.self_attn.q_prj.base_layer.bias"
    #expect(try found((orphan, [16])) == [TensorName(orphan)])
    #expect(
      try found(
        (
          Self.prefix.replacing("model.layers", with: "_orig_mod.model.layers")
            + "0.mlp.up_proj.bias", [16]
        )
      ).count == 1)
  }

  @Test("names of tensors of saved modules with the adapter's name, or a surplus end (A5)")
  func saved() throws {
    let keys: JSONObject = ["target_modules": ["dense"], "modules_to_save": ["pooler"]]
    let whole =
      blocks("encoder.layer.0.output.dense") + [
        ("base_model.model.pooler.dense.weight", [16, 16])
      ]
    let bias = "base_model.model.pooler.dense.bias"
    for name in [bias + ".weight", "base_model.model.pooler.dense.default.bias"] {
      #expect(
        try errors(whole + [(name, [16])], keys).flatMap(\.renames).map(\.to) == [TensorName(bias)])
    }
  }

  @Test("the key that calls for a tensor is named (A6, A7)")
  func tensorKeys() throws {
    let module = Self.prefix + "0.self_attn.q_proj."
    let factors = [(module + "lora_A.weight", [4, 16]), (module + "lora_B.weight", [16, 4])]
    let lora: JSONObject = ["peft_type": "LORA", "target_modules": ["q_proj"]]
    #expect(try errors(factors, lora.merging(["use_dora": true])).map(\.key) == ["use_dora"])
    // Python takes other values for true, too.
    #expect(try errors(factors, lora.merging(["lora_bias": 3])).map(\.key) == ["lora_bias"])
    let surplus = factors + [(module + "lora_magnitude_vector", [16])]
    #expect(try errors(surplus, lora).map(\.key) == ["use_dora"])
    let angles = [(module + "road_theta", [8]), (module + "road_alpha", [8])]
    let road: JSONObject = ["peft_type": "ROAD", "target_modules": ["q_proj"]]
    #expect(try errors(angles, road.merging(["group_size": 8])).isEmpty)
    #expect(try errors(angles, road).first?.message.contains("\"group_size\"") == true)
  }

  @Test("experts and parameters (A23)")
  func parameters() throws {
    let module = Self.prefix + "0.mlp.experts."
    let factors = [(module + "lora_A.weight", [12, 16]), (module + "lora_B.weight", [16, 12])]
    func keys(_ targets: [JSONValue], _ parameters: [JSONValue]) throws -> [String?] {
      try errors(
        factors,
        [
          "peft_type": "LORA", "target_modules": .array(targets),
          "target_parameters": .array(parameters),
        ]
      ).map(\.key)
    }
    #expect(try keys(["q_proj"], []).contains("target_parameters"))
    #expect(try keys(["q_proj"], ["mlp.experts.down_proj"]) == [])
    #expect(try keys(["q_proj", "w2"], []) == [])
  }

  @Test(
    "values that PEFT refuses (A31, A33)",
    arguments: [
      ("LORA", ["target_parameters": ["experts.down_proj"], "lora_bias": true], "lora_bias"),
      ("MISS", ["r": 2.5], "r"), ("UNILORA", ["proj_seed": -1], "proj_seed"),
      ("VBLORA", ["init_vector_bank_bound": -1.0], "init_vector_bank_bound"),
      ("TINYLORA", ["init_v_bound": -1.0], "init_v_bound"),
      ("PREFIX_TUNING", ["token_dim": -1], "token_dim"),
    ] as [(String, JSONObject, String)])
  func values(method: String, keys: JSONObject, key: String) throws {
    var document: JSONObject = ["peft_type": .string(method), "task_type": "CAUSAL_LM"]
    for member in keys { document[member.key] = member.value }
    let config = AdapterConfig(document: document)
    let found = try config.method.findings(about: config, fieldFindings: [])
    #expect(found.map(\.key) == [key])
    #expect(found.map(\.severity) == [.error])
  }
}

extension JSONObject {
  /// The object with other members in addition.
  fileprivate func merging(_ members: JSONObject) -> JSONObject {
    var merged = self
    for member in members { merged[member.key] = member.value }
    return merged
  }
}
