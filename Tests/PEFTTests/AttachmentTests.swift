// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Tensors
import TestSupport
import Testing

@testable import PEFT

/// LoRA weights of two layers with q_proj and v_proj, of width 16 and rank 4, with changes.
struct LoRAWeights {
  static let prefix = "base_model.model.model.layers."
  var shapes: [(name: String, shape: [Int])]

  init(layers: Int = 2) {
    shapes = (0..<layers).flatMap { layer in
      ["q_proj", "v_proj"].flatMap { module in
        let name = "\(Self.prefix)\(layer).self_attn.\(module)."
        return [(name + "lora_A.weight", [4, 16]), (name + "lora_B.weight", [16, 4])]
      }
    }
  }

  mutating func rename(_ change: (String) -> String) {
    shapes = shapes.map { (change($0.name), $0.shape) }
  }

  mutating func remove(_ isRemoved: (String) -> Bool) {
    shapes.removeAll { isRemoved($0.name) }
  }

  mutating func reshape(_ name: String, _ shape: [Int]) {
    for index in shapes.indices where shapes[index].name.hasSuffix(name) {
      shapes[index].shape = shape
    }
  }

  mutating func add(_ name: String, _ shape: [Int]) { shapes.append((name, shape)) }

  /// The findings about these weights with a config.
  func findings(_ keys: JSONObject = [:]) throws -> [Finding] {
    let directory = try TemporaryDirectory()
    let tensors = shapes.map { name, shape in
      RawSafeTensors.Tensor(
        name, "F32", shape.map(UInt64.init), [UInt8](repeating: 63, count: 4 * shape.reduce(1, *)))
    }
    let path = try directory.write(RawSafeTensors(tensors).encoded(), to: "a.safetensors")
    var document: JSONObject = [
      "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4,
      "target_modules": ["q_proj", "v_proj"],
    ]
    for member in keys { document[member.key] = member.value }
    return try Attachment(AdapterConfig(document: document), Adapter.opening(path)).findings
  }
}

@Suite("Attachment of tensors to modules")
struct AttachmentTests {
  private let first = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"

  @Test("weights that fit their config have no finding")
  func fitting() throws {
    #expect(try LoRAWeights().findings().isEmpty)
  }

  @Test(
    "names that PEFT does not find are renamed (A2 to A5)",
    arguments: [
      ("", "module.", "have module. before"),
      ("", "base_model.model.", "repeat the prefix"),
      ("base_model.model.", "", "do not begin with"),
      ("base_model.", "", "do not begin with"),
      ("base_model.model.", "base_model.model._orig_mod.", "contain _orig_mod."),
      (".self_attn", "._checkpoint_wrapped_module.self_attn", "_checkpoint_wrapped_module."),
      (".weight", ".default_0.weight", "the adapter's name, .default_0"),
      (".weight", "", ".weight in the wrong place"),
      (".model.model.", ".model.model.model.", "repeat model."),
    ] as [(String, String, String)])
  func names(old: String, new: String, reason: String) throws {
    var weights = LoRAWeights()
    weights.rename { name in
      old.isEmpty ? new + name : name.replacing(old, with: new, maxReplacements: 1)
    }
    let findings = try weights.findings()
    #expect(findings.map(\.code) == ["misnamed-tensor"])
    #expect(findings.first?.severity == .error)
    #expect(findings.first?.message.contains(reason) == true)
    #expect(findings.first?.renames.map(\.to).contains(TensorName(first)) == true)
    #expect(findings.first?.repairs.count == 8)
  }

  @Test("PEFT 0.21 takes names with .default, others do not (A5)")
  func defaultName() throws {
    var weights = LoRAWeights()
    weights.rename { $0.replacing(".weight", with: ".default.weight") }
    let findings = try weights.findings()
    #expect(findings.map(\.code) == ["misnamed-tensor"])
    #expect(findings.first?.severity == .warning)
  }

  @Test("tensors that are not there, or that the config does not have (A6, A7)")
  func presence() throws {
    var weights = LoRAWeights()
    weights.remove { $0 == first }
    #expect(try weights.findings().map(\.tensor) == [TensorName(first)])
    #expect(try weights.findings().map(\.code) == ["missing-tensor"])
    let dora = try LoRAWeights().findings(["use_dora": true])
    #expect(dora.map(\.code) == ["missing-tensor"])
    #expect(dora.first?.message.contains("3 other modules") == true)
    var surplus = LoRAWeights()
    surplus.add(LoRAWeights.prefix + "0.self_attn.q_proj.lora_E", [4, 1])
    #expect(try surplus.findings().map(\.code) == ["unexpected-tensor"])
  }

  @Test("a rank that is not the config's is one finding, with the key that gives it (A8)")
  func ranks() throws {
    let all = try LoRAWeights().findings(["r": 8])
    #expect(all.map(\.code) == ["shape-mismatch"])
    #expect(all.first?.key == "r")
    #expect(all.first?.message.contains("7 other tensors differ alike; set \"r\" to 4") == true)
    let pattern = try LoRAWeights().findings(["rank_pattern": ["v_proj": 2]])
    #expect(pattern.map(\.key) == ["rank_pattern"])
    let order = try LoRAWeights().findings(["rank_pattern": ["layers.0.*": 2, "q_proj|v_proj": 4]])
    #expect(order.first?.message.contains("PEFT takes the first key that matches") == true)
  }

  @Test("weights without tensors, without elements, or of another method (A9, A10)")
  func empty() throws {
    var weights = LoRAWeights()
    weights.shapes = []
    #expect(try weights.findings().map(\.code) == ["no-tensors"])
    weights.add("model.embed.weight", [4, 4])
    #expect(try weights.findings().map(\.code) == ["no-adapter-tensors"])
    var zero = LoRAWeights()
    for index in zero.shapes.indices { zero.shapes[index].shape = [0] }
    let findings = try zero.findings()
    #expect(findings.map(\.code) == ["empty-tensor"])
    #expect(findings.first?.message.contains("7 other tensors") == true)
  }

  @Test("targets and tensors agree (A11, A12)")
  func targets() throws {
    let none = try LoRAWeights().findings(["target_modules": "q_proj"])
    #expect(none.map(\.code) == ["untargeted-module"])
    #expect(none.first?.key == "target_modules")
    let one = try LoRAWeights().findings(["target_modules": ["q_proj"]])
    #expect(one.first?.message.contains("layers.0.self_attn.v_proj and 1 other module") == true)
    #expect(
      try LoRAWeights().findings(["target_modules": #".*\.[qv]_proj"#]).isEmpty)
    let layers = try LoRAWeights().findings(["layers_to_transform": [1]])
    #expect(layers.map(\.code) == ["untargeted-module"])
    let excluded = try LoRAWeights().findings(["exclude_modules": ["layers.0.self_attn.q_proj"]])
    #expect(excluded.map(\.code) == ["untargeted-module"])
    let full = try LoRAWeights().findings([
      "target_modules": ["q_proj", "v_proj", "model.layers.1.mlp.up_proj"]
    ])
    #expect(full.map(\.code) == ["missing-module"])
    let other = try LoRAWeights().findings(["target_modules": ["q_proj", "v_proj", "c_attn"]])
    #expect(other.map(\.code) == ["unmatched-target"])
    #expect(other.first?.severity == .note)
  }

  @Test("a module that one layer lacks (A13)")
  func siblings() throws {
    var weights = LoRAWeights(layers: 4)
    weights.remove { $0.contains("layers.2.self_attn.v_proj") }
    let findings = try weights.findings()
    #expect(findings.map(\.code) == ["missing-module"])
    #expect(
      findings.map(\.tensor) == [
        "base_model.model.model.layers.2.self_attn.v_proj.lora_A.weight"
      ])
    // Layers without attention are another kind of layer.
    var hybrid = LoRAWeights(layers: 4)
    hybrid.remove { $0.contains("layers.0.") || $0.contains("layers.2.") }
    #expect(try hybrid.findings().isEmpty)
    var gap = LoRAWeights(layers: 4)
    gap.remove { $0.contains("layers.2.") }
    #expect(try gap.findings().map(\.code) == ["missing-module"])
  }

  @Test("the width of the model is that of its modules (A14)")
  func widths() throws {
    var weights = LoRAWeights()
    weights.reshape("0.self_attn.q_proj.lora_A.weight", [4, 15])
    let findings = try weights.findings()
    #expect(!findings.isEmpty)
    #expect(findings.allSatisfy { $0.code == "shape-mismatch" && $0.tensor?.string == first })
  }

  @Test("two keys that give one module different values, which no tensor tells (A24)")
  func overlappingPatterns() throws {
    let findings = try LoRAWeights().findings([
      "alpha_pattern": ["layers.0.*": 8, "q_proj": 16, "v_proj": 8]
    ])
    #expect(findings.map(\.code) == ["overlapping-patterns"])
    #expect(findings.first?.severity == .note && findings.first?.key == "alpha_pattern")
    #expect(findings.first?.message.contains("\"layers.0.*\" and \"q_proj\"") == true)
    // The same value, different modules, and a size that the tensors tell.
    for patterns in [
      ["alpha_pattern": ["layers.0.*": 8, "q_proj": 8]],
      ["alpha_pattern": ["0.self_attn.q_proj": 8, "1.self_attn.q_proj": 16]],
      ["rank_pattern": ["layers.0.*": 4, "q_proj": 4, "v_proj": 4]],
    ] as [JSONObject] {
      #expect(try LoRAWeights().findings(patterns).isEmpty, "\(patterns)")
    }
  }

  @Test("a pattern that matches nothing (A15)")
  func patterns() throws {
    let findings = try LoRAWeights().findings(["alpha_pattern": ["o_proj": 8]])
    #expect(findings.map(\.code) == ["unmatched-pattern"])
    #expect(findings.first?.key == "alpha_pattern")
  }

  @Test("modules that are saved whole (A16)")
  func saved() throws {
    var weights = LoRAWeights()
    let keys: JSONObject = ["modules_to_save": ["lm_head"]]
    #expect(try weights.findings(keys).map(\.code) == ["missing-module"])
    weights.add("base_model.model.lm_head.modules_to_save.default.weight", [8, 16])
    let wrapped = try weights.findings(keys).filter { $0.severity == .error }
    #expect(wrapped.map(\.code) == ["misnamed-tensor"])
    #expect(wrapped.first?.renames.map(\.to) == ["base_model.model.lm_head.weight"])
    weights.shapes.removeLast()
    weights.add("base_model.model.lm_head.0.weight", [8, 16])
    let other = try weights.findings(keys).filter { $0.severity == .error }
    #expect(other.map(\.tensor) == ["base_model.model.lm_head.weight"])
    weights.shapes.removeLast()
    weights.add("base_model.model.lm_head.weight", [8, 16])
    #expect(try weights.findings(keys).map(\.code) == ["saved-embeddings"])
  }

  @Test("rows of trained tokens (A17)")
  func tokens() throws {
    var weights = LoRAWeights()
    let keys: JSONObject = ["trainable_token_indices": [1, 2, 3]]
    #expect(try weights.findings(keys).map(\.code) == ["missing-tensor"])
    let name = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
    weights.add(name, [2, 16])
    #expect(try weights.findings(keys).map(\.key) == ["trainable_token_indices"])
    weights.reshape(name, [3, 16])
    #expect(try weights.findings(keys).isEmpty)
  }

  @Test("tensors of the base model and others (A18)")
  func others() throws {
    var weights = LoRAWeights()
    weights.add("base_model.model.model.norm.weight", [16])
    weights.add("base_model.model.model.layers.0.self_attn.q_proj.weight", [16, 16])
    weights.add("optimizer.exp_avg", [16])
    let findings = try weights.findings()
    #expect(
      Set(findings.map { "\($0.severity) \($0.code)" }) == [
        "note base-weights", "error unexpected-tensor",
      ])
    #expect(findings.count == 3)
    var bias = LoRAWeights()
    bias.add("base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias", [16])
    #expect(try bias.findings(["bias": "lora_only"]).isEmpty)
  }

  @Test(
    "names without end and numbers without bounds are read in bounded time", .timeLimit(.minutes(1))
  )
  func hostile() throws {
    var weights = LoRAWeights()
    weights.add(String(repeating: "lora_A.", count: 20_000) + "weight", [4, 16])
    weights.add(String(repeating: "7.", count: 20_000) + "lora_A.weight", [4, 16])
    weights.add("base_model.model.layers.9223372036854775807.q_proj.lora_A.weight", [4, 16])
    weights.add("base_model.model.layers.99999999999999999999.q_proj.lora_A.weight", [4, 16])
    #expect(try !weights.findings().isEmpty)
  }
}
