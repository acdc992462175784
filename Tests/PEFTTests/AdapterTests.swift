// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import JSONDocument
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Adapter directories")
struct AdapterDirectoryTests {
  @Test("safetensors is taken before torch, which is superseded (C30, C31)")
  func weightsOrder() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try FileManager.default.copyItem(
      atPath: copy.weightsPath, toPath: copy.path + "/adapter_model.bin")
    let adapter = try Adapter(path: copy.path)
    #expect(adapter.directory.weightsName == "adapter_model.safetensors")
    #expect(adapter.directory.supersededNames == ["adapter_model.bin"])
    let findings = try adapter.findings()
    #expect(findings.map(\.code) == ["superseded-weights"])
    #expect(findings.first?.severity == .warning)
    #expect(findings.first?.message.contains("adapter_model.bin") == true)
    #expect(findings.first?.message.contains("adapter_model.safetensors") == true)
  }

  @Test("the contents decide the format, not the name (C30)")
  func contentsDecide() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try FileManager.default.moveItem(
      atPath: copy.weightsPath, toPath: copy.path + "/adapter_model.bin")
    let adapter = try Adapter(path: copy.path)
    #expect(adapter.directory.weightsName == "adapter_model.bin")
    #expect(adapter.weights.variant.name == "safetensors")
    let finding = try #require(try adapter.findings().first)
    #expect(finding.code == "format-mismatch")
    #expect(finding.severity == .error)
    #expect(
      finding.message == "adapter_model.bin is safetensors, but PEFT loads only torch-zip or "
        + "torch-legacy by this name")
  }

  @Test("the name says what PEFT loads (C30)")
  func nameDecidesForPEFT() throws {
    let torch = try AdapterCopy(of: "mpt-causal-lm-bin")
    #expect(try Adapter(path: torch.path).findings().isEmpty)
    try FileManager.default.moveItem(
      atPath: torch.path + "/adapter_model.bin", toPath: torch.weightsPath)
    let adapter = try Adapter(path: torch.path)
    #expect(adapter.weights.variant.name == "torch-zip")
    #expect(try adapter.findings().map(\.code) == ["format-mismatch"])
  }

  @Test(
    "weights that PEFT does not load are recognized (C32)",
    arguments: [
      (
        ["adapter_config.json", "adapters.safetensors"],
        "adapters.safetensors is the weights file of an MLX adapter, which mlx-lm loads and PEFT "
          + "does not"
      ),
      (
        ["adapter_config.json", "pytorch_adapter.bin"],
        "pytorch_adapter.bin is the weights file of an AdapterHub adapter, which the adapters "
          + "library loads and PEFT does not"
      ),
      (
        ["adapter_config.json", "adapter_model.safetensors.index.json"],
        "PEFT does not load shards; convert adapter_model.safetensors.index.json to "
          + "adapter_model.safetensors, one file"
      ),
      (
        ["adapter_config.json", "adapter_model-00001-of-00002.bin"],
        "adapter_model-00001-of-00002.bin is one of several shards, which PEFT does not load, and "
          + "their index is missing"
      ),
      (
        ["shard-00001-model-00001-of-00001.safetensors"],
        "shard-00001-model-00001-of-00001.safetensors is a shard of torch.distributed.checkpoint; "
          + "convert the directory, whose shards are put together"
      ),
    ])
  func otherWeights(names: [String], hint: String) throws {
    let directory = try TemporaryDirectory()
    for name in names { try directory.write([], to: name) }
    let error = #expect(throws: CheckpointError.self) { try Adapter(path: directory.path) }
    #expect(error?.code == .missing && error?.path == directory.path)
    #expect(error?.hint == hint)
  }

  @Test("a directory or a dangling link in place of the weights is not a missing file (C32)")
  func unusableWeights() throws {
    let directory = try TemporaryDirectory()
    try directory.write(Array("{}".utf8), to: "adapter_config.json")
    let path = directory.path("adapter_model.safetensors")
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "../blobs/x")
    let dangling = #expect(throws: CheckpointError.self) { try Adapter(path: directory.path) }
    #expect(dangling?.code == .missing && dangling?.path == path)
    #expect(dangling?.message == "is a symbolic link to ../blobs/x, which does not exist")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    let other = #expect(throws: CheckpointError.self) { try Adapter(path: directory.path) }
    #expect(other?.code == .invalidArgument && other?.path == path)
    #expect(other?.message == "is a directory, not a file")
  }

  @Test("links are followed (C30), and a slash at the end is fine (C33)")
  func links() throws {
    let directory = try TemporaryDirectory()
    let link = directory.path("link")
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: Fixtures.adapter("mpt-causal-lm"))
    #expect(try Adapter(path: link + "/").weights.tensorCount == 3)
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    #expect(
      try AdapterDirectory(path: copy.path + "/").configPath == copy.path + "/adapter_config.json")
  }

  @Test(
    "what is missing is named (C32)",
    arguments: [
      ("adapter_config.json", "it has no adapter_config.json"),
      (
        "adapter_model.safetensors", "it has no adapter_model.safetensors or adapter_model.bin"
      ),
    ])
  func missing(name: String, reason: String) throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try FileManager.default.removeItem(atPath: copy.path + "/" + name)
    let error = #expect(throws: CheckpointError.self) { try Adapter(path: copy.path) }
    #expect(error?.code == .missing)
    #expect(error?.path == copy.path)
    #expect(error?.message == "is not an adapter directory: \(reason)")
    #expect(error?.hint == nil)
  }

  @Test("an adapter in a subdirectory is hinted at (C32)", arguments: ["", "/"])
  func subdirectory(slash: String) throws {
    let copy = try AdapterCopy(of: "mpt-two-adapters")
    try FileManager.default.removeItem(atPath: copy.configPath)
    try FileManager.default.removeItem(atPath: copy.weightsPath)
    let error = #expect(throws: CheckpointError.self) { try Adapter(path: copy.path + slash) }
    #expect(error?.hint == "there is an adapter in \(copy.path)/other")
    #expect(try Adapter(path: copy.path + "/other").weights.tensorCount == 3)
  }

  @Test("every method opens, and PEFT's own adapters are well (C14, G4, M4 to M7)")
  func everyAdapter() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("adapters"))
    for name in names.sorted() where !name.hasSuffix("-bin") {
      let findings = try Adapter(path: Fixtures.adapter(name)).findings()
      // The IA3 adapter was saved without training.
      let expected: [Finding.Code] =
        name.contains("-source-") ? ["source-initialization"] : name == "ia3" ? ["untrained"] : []
      #expect(findings.map(\.code) == expected, "\(name)")
    }
  }
}

/// Weights with a change, and the findings that it must make.
struct WeightFindingCase: CustomTestStringConvertible, Sendable {
  let rule: String
  let adapter: String
  let severity: Finding.Severity
  let code: Finding.Code
  let tensor: TensorName?
  let parts: [String]
  let change: @Sendable (inout RawSafeTensors) -> Void

  var testDescription: String { "\(rule) \(code) in \(adapter)" }

  init(
    _ rule: String, _ severity: Finding.Severity, _ code: Finding.Code, _ tensor: TensorName?,
    _ parts: [String], adapter: String = "mpt-causal-lm",
    change: @escaping @Sendable (inout RawSafeTensors) -> Void
  ) {
    self.rule = rule
    self.adapter = adapter
    self.severity = severity
    self.code = code
    self.tensor = tensor
    self.parts = parts
    self.change = change
  }

  static let all: [WeightFindingCase] = [
    Self("M4", .error, "missing-tensor", "prefix_task_rows", ["no prefix_task_rows"]) {
      $0["prefix_task_rows"] = nil
    },
    Self("M4", .error, "missing-tensor", "prompt_embeddings", ["no prompt_embeddings"]) {
      $0["prompt_embeddings"] = nil
    },
    Self(
      "M5", .error, "shape-mismatch", "prefix_task_cols",
      [
        "[3, 8]",
        "[3, 8, 1] = [num_tasks, num_virtual_tokens × num_transformer_submodules, num_ranks]",
      ]
    ) { $0["prefix_task_cols"]?.shape = [3, 8] },
    Self(
      "M5", .error, "shape-mismatch", "prefix_task_rows",
      ["[3, 16, 1]", "[3, 1, 16] = [num_tasks, num_ranks, token_dim]"]
    ) { $0["prefix_task_rows"]?.shape = [3, 16, 1] },
    Self(
      "M5", .error, "shape-mismatch", "prompt_embeddings",
      ["[16, 8]", "[8, 16] = [num_virtual_tokens × num_transformer_submodules, token_dim]"]
    ) { $0["prompt_embeddings"]?.shape = [16, 8] },
    Self("M5", .error, "shape-mismatch", "prefix_task_cols", ["[0, 8, 1]", "[3, 8, 1]"]) {
      $0["prefix_task_cols"]?.shape = [0, 8, 1]
      $0["prefix_task_cols"]?.bytes = []
    },
    Self("M6", .error, "unsupported-dtype", "prompt_embeddings", ["prompt_embeddings", "I32"]) {
      $0["prompt_embeddings"]?.dtype = "I32"
    },
    Self("M6", .error, "unsupported-dtype", "prefix_task_cols", ["F8_E4M3"]) {
      $0["prefix_task_cols"] = .init(
        "prefix_task_cols", "F8_E4M3", [3, 8, 1], [UInt8](repeating: 1, count: 24))
    },
    Self(
      "M6", .warning, "dtype-mismatch", nil,
      ["prefix_task_cols is F32", "prefix_task_rows is F32", "prompt_embeddings is BF16"]
    ) {
      $0["prompt_embeddings"] = .init(
        "prompt_embeddings", "BF16", [8, 16], [UInt8](repeating: 1, count: 256))
    },
    Self(
      "M7", .error, "unexpected-tensor", "base_model.lm_head.weight",
      ["base_model.lm_head.weight", "modules_to_save"]
    ) { $0["base_model.lm_head.weight"] = .init("base_model.lm_head.weight", [1], floats: [1]) },
    Self(
      "M7", .error, "unexpected-tensor", "base_model.scores.weight", ["base_model.scores.weight"],
      adapter: "mpt-seq-cls"
    ) { $0["base_model.scores.weight"] = .init("base_model.scores.weight", [1], floats: [1]) },
    Self(
      "M7", .note, "saved-embeddings", "base_model.lm_head.weight",
      ["base_model.lm_head.weight [5, 16]", "5 rows"]
    ) {
      $0["base_model.lm_head.weight"] = .init(
        "base_model.lm_head.weight", "U8", [5, 16], .zeros(80))
      $0["base_model.lm_head.bias"] = .init("base_model.lm_head.bias", "U8", [5], .zeros(5))
    },
    Self(
      "M7", .error, "unexpected-tensor", "base_model.h.0.mlp.weight",
      ["base_model.h.0.mlp.weight"]
    ) {
      $0["base_model.h.0.mlp.weight"] = .init(
        "base_model.h.0.mlp.weight", "U8", [5, 16], .zeros(80))
    },
    Self("M7", .error, "unexpected-tensor", "base_model.lm_head.bias", ["lm_head.bias"]) {
      $0["base_model.lm_head.bias"] = .init("base_model.lm_head.bias", "U8", [5], .zeros(5))
    },
    Self("M7", .error, "unexpected-tensor", "lm_head.weight", ["lm_head.weight"]) {
      $0["lm_head.weight"] = .init("lm_head.weight", "U8", [5, 16], .zeros(80))
    },
    Self(
      "G4", .error, "non-finite-values", "prompt_embeddings",
      ["prompt_embeddings", "2 values", "the first at element 5 of 128"]
    ) {
      $0["prompt_embeddings"]?.bytes.replaceSubrange(20..<24, with: [0, 0, 0xC0, 0x7F])
      $0["prompt_embeddings"]?.bytes.replaceSubrange(32..<36, with: [0, 0, 0x80, 0xFF])
    },
  ]
}

@Suite("Findings about weights")
struct WeightFindingTests {
  @Test(
    "each rule is found, alone, with both sides (G4, M4 to M7)", arguments: WeightFindingCase.all)
  func finding(_ item: WeightFindingCase) throws {
    let copy = try AdapterCopy(of: item.adapter)
    try copy.changeWeights { item.change(&$0) }
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.count == 1)
    let finding = try #require(findings.first)
    #expect(finding.severity == item.severity)
    #expect(finding.code == item.code)
    #expect(finding.tensor == item.tensor)
    for part in item.parts {
      #expect(finding.message.contains(part), "\(finding.message) lacks \(part)")
    }
  }

  @Test("a config that asks for another size disagrees with each tensor that has it (M1, M2, M5)")
  func configDisagrees() throws {
    let copy = try AdapterCopy(of: "mpt-seq2seq")
    try copy.replaceInConfig("\"SEQ_2_SEQ_LM\"", "\"CAUSAL_LM\"")
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.map(\.code) == ["shape-mismatch", "shape-mismatch"])
    #expect(findings.map(\.tensor) == ["prefix_task_cols", "prompt_embeddings"])
  }

  @Test(
    "a tensor under the name of PEFT's module is found, with its rename (M4)",
    arguments: [
      ("prompt_embeddings", "prompt_encoder.default.embedding.weight"),
      ("prompt_embeddings", "embedding.weight"),
      ("prompt_embeddings", "module.prompt_embeddings"),
      ("prefix_task_cols", "prompt_encoder.default.prefix_task_cols"),
      ("prefix_task_rows", "_orig_mod.prompt_encoder.other.prefix_task_rows"),
    ])
  func moduleNames(name: String, other: String) throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.changeWeights { weights in
      let place = weights.tensors.firstIndex { $0.name == name }
      if let place { weights.tensors[place].name = other }
    }
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.map(\.code) == ["missing-tensor"])
    let finding = try #require(findings.first)
    #expect(finding.renames.map(\.from.string) == [other])
    #expect(finding.renames.map(\.to.string) == [name])
    #expect(finding.message.hasPrefix("the weights have no \(name): rename \(other), "))
    // Of another shape it is another tensor.
    try copy.changeWeights { weights in
      let place = weights.tensors.firstIndex { $0.name == other }
      if let place { weights.tensors[place] = .init(other, "U8", [7], .zeros(7)) }
    }
    let others = try Adapter(path: copy.path).findings()
    #expect(others.map(\.code) == ["missing-tensor", "unexpected-tensor"])
    #expect(others.allSatisfy { $0.repairs.isEmpty })
  }

  @Test("a token_dim that is null is that of the tensors, which must agree on it (C16, M5)")
  func widthOfTensors() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.replaceInConfig("\"token_dim\": 16", "\"token_dim\": null")
    #expect(try Adapter(path: copy.path).findings().map(\.code) == ["token-dimension"])
    #expect(
      try Adapter(path: copy.path).summary
        == "MULTITASK_PROMPT_TUNING, CAUSAL_LM, 3 tasks, 8 virtual tokens, rank 1, dimension 16")
    try copy.changeWeights {
      $0["prompt_embeddings"] = .init(
        "prompt_embeddings", [8, 4], floats: .init(repeating: 1, count: 32))
    }
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.map(\.code) == ["token-dimension", "shape-mismatch"])
    #expect(
      findings.last?.message == "prompt_embeddings has the shape [8, 4], but the config and the "
        + "other tensors say [8, 16] = [num_virtual_tokens × num_transformer_submodules, token_dim]"
    )
  }

  @Test("a summary says what of a config cannot be read")
  func summaries() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    func summary(_ change: (inout AdapterConfig) -> Void) throws -> String {
      var config = try AdapterConfig(
        path: Fixtures.adapter("mpt-causal-lm") + "/adapter_config.json")
      change(&config)
      try Data(config.encoded()).write(to: URL(filePath: copy.configPath))
      return try Adapter(path: copy.path).summary
    }
    #expect(try summary { $0.document["peft_type"] = nil } == "no peft_type, CAUSAL_LM")
    #expect(
      try summary { $0.document["peft_type"] = 5 }
        == "\"peft_type\" must be a string or null, but is an integer, CAUSAL_LM")
    #expect(
      try summary { $0.document["num_ranks"] = "a" }
        == "MULTITASK_PROMPT_TUNING, CAUSAL_LM, "
        + "\"num_ranks\" must be an integer or null, but is a string")
    #expect(
      try summary { $0.document["num_tasks"] = 0 }
        == "MULTITASK_PROMPT_TUNING, CAUSAL_LM, \"num_tasks\" must be at least 1, but is 0")
  }

  @Test("heads of the task and modules_to_save are expected (C15, M7)")
  func heads() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.changeWeights {
      $0["base_model.score.weight"] = .init("base_model.score.weight", [1, 1], floats: [1])
    }
    let codes = try Adapter(path: copy.path).findings().map(\.code)
    #expect(codes == ["unexpected-tensor"])
    try copy.replaceInConfig(
      "\"modules_to_save\": null", "\"modules_to_save\": [\"base_model.score\"]")
    #expect(try Adapter(path: copy.path).findings().isEmpty)
    try copy.replaceInConfig(
      "\"modules_to_save\": [\"base_model.score\"]", "\"modules_to_save\": null")
    try copy.replaceInConfig("\"CAUSAL_LM\"", "\"SEQ_CLS\"")
    #expect(try Adapter(path: copy.path).findings().isEmpty)
  }

  @Test(
    "a head has its weight and its bias (A16)",
    arguments: ["base_model.classifier.bias", "base_model.classifier.weight"])
  func partOfHead(tensor: String) throws {
    let copy = try AdapterCopy(of: "mpt-token-cls")
    try copy.changeWeights { $0.tensors.removeAll { $0.name == tensor } }
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.map(\.code) == ["missing-tensor"])
    #expect(findings.map(\.tensor) == [TensorName(tensor)])
  }

  @Test(
    "the head of a task is at the top of the model, behind PEFT's prefix (A5)",
    arguments: ["score.weight", "base_model.model.score.weight"])
  func misnamedHead(name: String) throws {
    let copy = try AdapterCopy(of: "mpt-seq-cls")
    try copy.changeWeights { weights in
      guard let old = weights.tensors.firstIndex(where: { $0.name == "base_model.score.weight" })
      else { return }
      weights.tensors[old].name = name
    }
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.map(\.code) == ["misnamed-tensor"])
    #expect(findings.flatMap(\.renames).map { $0.to } == ["base_model.score.weight"])
  }

  @Test(
    "a head that the task needs must be there, under PEFT's name (M7)",
    arguments: [
      ("mpt-seq-cls", "base_model.score.weight", nil, true),
      ("mpt-seq-cls", "base_model.score.weight", "base_model.score", true),
      ("mpt-seq-cls", "base_model.score.weight", "base_model.pre_classifier.weight", false),
    ] as [(String, String, String?, Bool)])
  func missingHead(adapter: String, tensor: String, renamed: String?, isMissing: Bool) throws {
    let copy = try AdapterCopy(of: adapter)
    try copy.changeWeights {
      guard let old = $0.tensors.firstIndex(where: { $0.name == tensor }) else { return }
      if let renamed { $0.tensors[old].name = renamed } else { $0.tensors.remove(at: old) }
    }
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.map(\.code).contains("missing-module") == isMissing)
    guard isMissing else {
      #expect(findings.isEmpty)
      return
    }
    let finding = try #require(findings.first { $0.code == "missing-module" })
    #expect(finding.severity == .error)
    #expect(
      finding.message == "the weights have no tensor of base_model.classifier or "
        + "base_model.score, the head for SEQ_CLS: PEFT raises KeyError if the base model has one, "
        + "and otherwise leaves the head untrained")
    // Other methods, and prompts for tasks without heads, need none.
    try copy.replaceInConfig("\"SEQ_CLS\"", "\"CAUSAL_LM\"")
    #expect(
      try !Adapter(path: copy.path).findings().contains { $0.code == "missing-module" })
  }

  @Test(
    "many modules and many tensors are not compared each with each (M7)", .timeLimit(.minutes(1)))
  func manyModules() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    let count = 20_000
    let modules = (0..<count).map { "\"x.m\($0)\"" }.joined(separator: ",")
    try copy.replaceInConfig("\"modules_to_save\": null", "\"modules_to_save\": [\(modules)]")
    try copy.changeWeights {
      $0.tensors += (0...count).map { .init("base_model.x.m\($0).weight", "U8", [1], [0]) }
    }
    let findings = try Adapter(path: copy.path).findings()
    #expect(findings.map(\.tensor) == ["base_model.x.m20000.weight"])
  }
}

extension [UInt8] {
  /// Bytes of zero.
  fileprivate static func zeros(_ count: Int) -> Self { Self(repeating: 0, count: count) }
}
