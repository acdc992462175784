// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Model directories")
struct ModelDirectoryTests {
  private static let shards = [
    "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
  ]
  private static let all =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"]
    + ["pytorch_model.bin.index.json"] + shards

  /// A directory of these files; indexes name two shards.
  private func directory(_ names: [String], config: String? = nil) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    let index = "{\"weight_map\": {\"y\": \"\(Self.shards[1])\", \"x\": \"\(Self.shards[0])\"}}"
    for name in names {
      try directory.write(name.hasSuffix(".index.json") ? Array(index.utf8) : [], to: name)
    }
    if let config { try directory.write(Array(config.utf8), to: "config.json") }
    return directory
  }

  @Test("the weights are looked for in transformers' order (H26)", arguments: 0..<4)
  func order(first: Int) throws {
    let names = Array(Self.all[first...])
    let directory = try directory(names)
    let model = try ModelDirectory(path: directory.path)
    #expect(model.weightsName == Self.all[first])
    #expect(model.weightsPath == directory.path(Self.all[first]))
    #expect(!model.isNamedByConfig)
    let own = [Self.all[first]] + (first % 2 == 1 ? Self.shards : [])
    #expect(model.weightFileNames == own)
    #expect(model.supersededNames == names.filter { !own.contains($0) }.sorted())
    #expect(
      try ModelDirectory(path: directory.path + "/").weightsPath == directory.path(Self.all[first]))
  }

  @Test("other files are neither (H28, H29)")
  func others() throws {
    let directory = try directory([
      "model.safetensors", "model.fp16.safetensors", "model-1-of-2.safetensors", "pytorch_model.pt",
      "model.safetensors.index.json.bak", "consolidated.00.pth", "training_args.bin", "xmodel.bin",
      "model-00001-of-00002-q8.safetensors", "model-00001.safetensors", "model_safetensors",
      "model-00003-of-00009.safetensors", "pytorch_model-00001-of-00003.bin", "model.bin",
      "model-00001-of-00002.safetensors.index.json", "pytorch_model.safetensors",
      "model-000001-of-123456.safetensors",
    ])
    let model = try withExtendedLifetime(directory) { try ModelDirectory(path: directory.path) }
    #expect(
      model.supersededNames == [
        "model-000001-of-123456.safetensors", "model-00001-of-00002.safetensors.index.json",
        "model-00003-of-00009.safetensors", "pytorch_model-00001-of-00003.bin",
      ])
  }

  @Test("shards have the names that the index gives, and stale ones are superseded (H27, H29)")
  func shardNames() throws {
    let directory = try directory(Self.shards + ["odd", "é"])
    try directory.write(
      Array("{\"weight_map\": {\"x\": \"odd\", \"y\": \"é\"}}".utf8),
      to: "model.safetensors.index.json")
    let model = try withExtendedLifetime(directory) { try ModelDirectory(path: directory.path) }
    #expect(model.weightFileNames == ["model.safetensors.index.json", "odd", "é"])
    #expect(model.supersededNames == Self.shards)
  }

  @Test("a set of the real library opens", arguments: ShardVector.directories)
  func realSets(name: String) throws {
    let vector = try ShardVector(name)
    let model = try ModelDirectory(path: Vectors.path(name))
    #expect(model.weightsName == vector.index)
    #expect(Set(model.weightFileNames.dropFirst()) == Set(vector.tensors.map(\.file)))
    #expect(model.supersededNames == [])
    #expect(
      try Checkpoint.open(path: model.weightsPath).tensorCount == vector.tensors.count)
  }

  @Test("what is missing is named (H30)")
  func missing() throws {
    let directory = try directory(["model.fp16.safetensors", "adapter_model.safetensors"])
    try FileManager.default.createDirectory(
      atPath: directory.path("model.safetensors"), withIntermediateDirectories: false)
    let error = #expect(throws: CheckpointError.self) { try ModelDirectory(path: directory.path) }
    #expect(error?.code == .missing)
    #expect(error?.path == directory.path)
    #expect(
      error?.message == "is not a model directory: it has no model.safetensors, "
        + "model.safetensors.index.json, pytorch_model.bin or pytorch_model.bin.index.json")
    #expect(error?.hint == nil)
  }

  @Test("an index of a single file belongs to it (H27)")
  func singleFileIndex() throws {
    let directory = try directory(["model.safetensors"])
    let index = "model.safetensors.index.json"
    func open(_ file: String) throws -> ModelDirectory {
      try directory.write(Array("{\"weight_map\": {\"x\": \"\(file)\"}}".utf8), to: index)
      return try ModelDirectory(path: directory.path)
    }
    let agreeing = try open("model.safetensors")
    #expect(agreeing.singleFileIndex?.fileNames == ["model.safetensors"])
    #expect(agreeing.weightFileNames == ["model.safetensors", index])
    #expect(agreeing.supersededNames == [])
    for other in ["other.safetensors", "../x"] {
      let model = try open(other)
      #expect(model.singleFileIndex == nil && model.supersededNames == [index])
    }
  }

  @Test("a damaged index is named (H27)")
  func damagedIndex() throws {
    let directory = try directory([])
    let path = try directory.write(Array("{}".utf8), to: "model.safetensors.index.json")
    let error = #expect(throws: CheckpointError.self) { try ModelDirectory(path: directory.path) }
    #expect(error?.code == .missing)
    #expect(error?.path == path)
  }

  @Test("a config may name the weights (H31)")
  func namedByConfig() throws {
    let names = Self.all + ["own.safetensors", "own.safetensors.index.json"]
    func open(_ config: String) throws -> ModelDirectory {
      let directory = try directory(names, config: config)
      return try withExtendedLifetime(directory) { try ModelDirectory(path: directory.path) }
    }
    let whole = try open("{\"transformers_weights\": \"own.safetensors\"}")
    #expect(whole.weightFileNames == ["own.safetensors"])
    #expect(whole.isNamedByConfig)
    #expect(whole.supersededNames == Self.all.sorted())
    let index = try open("{\"transformers_weights\": \"own.safetensors.index.json\"}")
    #expect(index.weightFileNames == ["own.safetensors.index.json"] + Self.shards)
    #expect(index.supersededNames == Array(Self.all[..<4]))
    for config in ["{}", "{\"transformers_weights\": null, \"x\": NaN}", "[]"] {
      let model = try open(config)
      #expect(model.weightsName == "model.safetensors" && !model.isNamedByConfig)
    }
    let absent = #expect(throws: CheckpointError.self) {
      try open("{\"transformers_weights\": \"absent.safetensors\"}")
    }
    #expect(absent?.code == .missing)
    #expect(absent?.hint == "its config.json names them in \"transformers_weights\"")
  }

  @Test("a directory is a model by its weights' names, or by a config that names them (H26, H31)")
  func isModel() throws {
    func judge(_ names: [String], config: String? = nil) throws -> Bool {
      let directory = try directory(names, config: config)
      return withExtendedLifetime(directory) { ModelDirectory.isModel(directory.path) }
    }
    for name in Self.all[..<4] { #expect(try judge([name])) }
    let naming = "{\"transformers_weights\": \"own.safetensors\"}"
    #expect(try judge(["own.safetensors"], config: naming))
    #expect(try !judge(["own.safetensors"], config: "{}"))
    #expect(try !judge(["own.safetensors"], config: "{"))
    #expect(try !judge(Self.shards))
  }

  @Test("in a tree weights need a config or an index (B2, B3)")
  func inTree() throws {
    let directory = try TemporaryDirectory()
    for name in [
      "a/config.json", "a/model.safetensors", "a/in/model.safetensors", "b/pytorch_model.bin",
      "b/in/config.json", "c/pytorch_model.bin.index.json", "config.json", "pytorch_model.bin",
    ] {
      let place = directory.path((name as NSString).deletingLastPathComponent)
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      try directory.write([], to: name)
    }
    let models = try ModelDirectory.all(in: DirectoryTree(of: directory.path))
    #expect(models == [.root, RelativePath("a"), RelativePath("c")])
  }

  @Test(
    "a config that names other weights is refused (H31)",
    arguments: [
      "\"a.bin\"", "\"sub/a.safetensors\"", "\"../a.safetensors\"", "\"\"", "5", "\"a.index.json\"",
    ])
  func unsupportedConfig(value: String) throws {
    let directory = try directory(Self.all, config: "{\"transformers_weights\": \(value)}")
    let error = #expect(throws: CheckpointError.self) { try ModelDirectory(path: directory.path) }
    #expect(error?.code == .unsupported)
    #expect(error?.path == directory.path("config.json"))
  }
}
