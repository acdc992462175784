// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// spec/repair.md.
@Suite("repair")
struct RepairTests {
  /// Repairs a copy, then repairs the result, which must not change a byte.
  private func repaired(_ path: String, in directory: TemporaryDirectory) throws -> (
    run: Run, path: String
  ) {
    let (out, again) = (directory.path("out"), directory.path("again"))
    let run = try peftkit("repair", path, "-o", out, "--json")
    let second = try peftkit("repair", out, "-o", again)
    #expect(second.output.contains("\nrepaired: nothing"), "\(second.output)")
    #expect(try contents(of: out) == contents(of: again))
    return (run, out)
  }

  @Test("names of tensors, and keys without a meaning, are repaired together (Y1, Y2, Y4, Y8)")
  func adapter() throws {
    let copy = try AdapterCopy(of: "mpt-average-source-tasks")
    try copy.changeWeights { weights in
      for place in weights.tensors.indices {
        let name = weights.tensors[place].name
        weights.tensors[place].name =
          "prompt_encoder.default."
          + (name == "prompt_embeddings" ? "embedding.weight" : name)
      }
      weights.metadata = nil
    }
    let directory = try TemporaryDirectory()
    let (run, out) = try repaired(copy.path, in: directory)
    #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
    let json = try run.json()
    let repaired = try #require(json["repaired"] as? [[String: Any]])
    #expect(
      repaired.compactMap { $0["code"] as? String }.sorted() == [
        "missing-tensor", "missing-tensor", "missing-tensor", "no-format-key",
        "source-initialization",
      ])
    #expect((json["left"] as? [Any])?.isEmpty == true)
    #expect(json["holds"] as? Bool == true)
    #expect(json["dry_run"] as? Bool == false)
    #expect(try peftkit("validate", out).output == "\(out): 3 tensors, no findings\n")
    // The tensors are those of the adapter that was damaged.
    let same = try peftkit(
      "diff", Fixtures.adapter("mpt-average-source-tasks") + "/adapter_model.safetensors",
      out + "/adapter_model.safetensors")
    #expect(same.exitCode == 0)
  }

  @Test("what would change what is computed is left, and the rest is written (Y1, Y5, Y6)")
  func left() throws {
    let copy = try AdapterCopy(of: "mpt-only-source-shared")
    try copy.replaceInConfig("\"num_tasks\": 2", "\"num_tasks\": 4")
    let directory = try TemporaryDirectory()
    let run = try peftkit("repair", copy.path, "-o", directory.path("out"))
    #expect(run.exitCode == 1)
    #expect(run.output.contains("\nleft:\nerror: prefix_task_cols has the shape "))
    #expect(run.output.hasSuffix("\nrepaired: 1 finding, 2 left\n"))
    #expect(
      try contents(of: directory.path("out"))["adapter_model.safetensors"]
        == bytes(of: copy.weightsPath))
  }

  @Test("a rename to the name of another tensor is not made (Y3)")
  func conflict() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    // Both are the tensor by name and shape, so that neither is renamed.
    try copy.changeWeights { weights in
      let place = weights.tensors.firstIndex { $0.name == "prompt_embeddings" } ?? 0
      var other = weights.tensors[place]
      weights.tensors[place].name = "a.prompt_embeddings"
      other.name = "b.prompt_embeddings"
      weights.tensors.append(other)
    }
    let directory = try TemporaryDirectory()
    let run = try peftkit("repair", copy.path, "-o", directory.path("out"))
    #expect(run.exitCode == 1)
    #expect(run.output.contains("\nrepaired: nothing, "))
  }

  @Test(
    "weights under the name of another format get their own, and superseded ones are left out (Y2)")
  func names() throws {
    let directory = try TemporaryDirectory()
    let source = directory.path("in")
    try FileManager.default.copyItem(atPath: Fixtures.adapter("mpt-causal-lm"), toPath: source)
    try directory.write(
      bytes(of: Fixtures.adapter("mpt-causal-lm-bin") + "/adapter_model.bin"),
      to: "in/adapter_model.bin")
    try directory.write([1, 2, 3], to: "in/notes.txt")
    let (run, out) = try repaired(source, in: directory)
    #expect(run.exitCode == 0)
    #expect(
      try contents(of: out).keys.sorted() == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "notes.txt",
      ])
    let other = directory.path("torch")
    try FileManager.default.copyItem(
      atPath: Fixtures.adapter("mpt-causal-lm-bin"), toPath: other)
    try FileManager.default.moveItem(
      atPath: other + "/adapter_model.bin", toPath: other + "/adapter_model.safetensors")
    let forced = try peftkit("repair", other, "-o", other, "--force")
    #expect(forced.exitCode == 0, "\(forced.errors)")
    #expect(
      try contents(of: other).keys.sorted() == [
        "README.md", "adapter_config.json", "adapter_model.bin",
      ])
    #expect(try peftkit("validate", other).exitCode == 0)
  }

  @Test("a model gets the metadata that its loader needs (Y1, Y2)")
  func model() throws {
    let directory = try TemporaryDirectory()
    for name in ["in"] {
      try FileManager.default.createDirectory(
        atPath: directory.path(name), withIntermediateDirectories: true)
    }
    for (index, name) in ["a", "b"].enumerated() {
      let raw = RawSafeTensors([.init(name, [1], floats: [1])])
      try directory.write(
        raw.encoded(), to: "in/model-0000\(index + 1)-of-00002.safetensors")
    }
    let index = #"""
      {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
      """#
    try directory.write(Array(index.utf8), to: "in/model.safetensors.index.json")
    try directory.write(Array("{}".utf8), to: "in/config.json")
    #expect(try peftkit("validate", directory.path("in")).exitCode == 1)
    let (run, out) = try repaired(directory.path("in"), in: directory)
    #expect(run.exitCode == 0, "\(run.output)")
    #expect(try peftkit("validate", out).output == "\(out): 2 tensors, no findings\n")
    #expect(
      try peftkit("inspect", out, "--json").json()["metadata"] as? [String: String] == [
        "format": "pt"
      ])
  }

  @Test("a stale index is written from the shards that are there (Y11)")
  func staleIndex() throws {
    let directory = try TemporaryDirectory()
    let source = directory.path("in")
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
    for (index, name) in ["a", "b"].enumerated() {
      let raw = RawSafeTensors([.init(name, [1], floats: [1])], metadata: ["format": "pt"])
      try directory.write(raw.encoded(), to: "in/model-0000\(index + 1)-of-00002.safetensors")
    }
    let index = #"""
      {"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00004.safetensors", "b": "model-00003-of-00004.safetensors"}}
      """#
    try directory.write(Array(index.utf8), to: "in/model.safetensors.index.json")
    #expect(try peftkit("validate", source).exitCode == 2)
    let (run, out) = try repaired(source, in: directory)
    #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
    let findings = try run.json()["repaired"] as? [[String: Any]]
    #expect(findings?.compactMap { $0["code"] as? String } == ["index-differs"])
    #expect(try peftkit("validate", out).output == "\(out): 2 tensors, no findings\n")
  }

  @Test("tensors of training are left out, and other ignored tensors stay (Y10)")
  func ignoredTensors() throws {
    let copy = try AdapterCopy(of: "lora")
    try copy.changeWeights { weights in
      weights.tensors.append(.init("optimizer.state.0.exp_avg", [1], floats: [1]))
      weights.tensors.append(.init("optimizer.state.0.exp_avg_sq", [1], floats: [1]))
      weights.tensors.append(.init("other.weight", [1], floats: [1]))
    }
    let directory = try TemporaryDirectory()
    let (run, out) = try repaired(copy.path, in: directory)
    #expect(run.exitCode == 1, "\(run.output)")
    let findings = try run.json()["repaired"] as? [[String: Any]]
    let repairs = findings?.flatMap { $0["repairs"] as? [[String: Any]] ?? [] } ?? []
    #expect(
      repairs.filter { $0["action"] as? String == "remove-tensor" }
        .compactMap { $0["tensor"] as? String } == [
          "optimizer.state.0.exp_avg", "optimizer.state.0.exp_avg_sq",
        ])
    let names = try RawSafeTensors(path: out + "/adapter_model.safetensors").tensors.map(\.name)
    #expect(names.contains("other.weight") && !names.contains { $0.hasPrefix("optimizer") })
    let text = try peftkit("repair", copy.path, "-o", directory.path("x"), "--dry-run").output
    #expect(text.contains("  remove  optimizer.state.0.exp_avg "), "\(text)")
  }

  @Test("a base model decides the start of the paths (Y9, P28)", arguments: ["", "model.model."])
  func baseModel(start: String) throws {
    let directory = try TemporaryDirectory()
    let module = "layers.0.self_attn.q_proj"
    func write(_ tensors: [(String, [UInt64])], to path: String) throws {
      let raw = RawSafeTensors(
        tensors.map {
          .init($0.0, $0.1, floats: [Float](repeating: 1, count: Int($0.1.reduce(1, *))))
        },
        metadata: ["format": "pt"])
      try directory.write(raw.encoded(), to: path)
    }
    for name in ["base", "in"] {
      try FileManager.default.createDirectory(
        atPath: directory.path(name), withIntermediateDirectories: true)
    }
    try write([("language.\(module).weight", [6, 4])], to: "base/model.safetensors")
    let prefix = "base_model.model."
    try write(
      [
        ("\(prefix)\(start)\(module).lora_A.weight", [2, 4]),
        ("\(prefix)\(start)\(module).lora_B.weight", [6, 2]),
      ], to: "in/adapter_model.safetensors")
    let config = #"""
      {"peft_type": "LORA", "task_type": null, "r": 2, "lora_alpha": 2, "target_modules": ["q_proj"], "base_model_name_or_path": "a/b"}
      """#
    try directory.write(Array(config.utf8), to: "in/adapter_config.json")
    let (source, base) = (directory.path("in"), directory.path("base"))
    #expect(try peftkit("validate", source, "--base", base).exitCode == 1)
    let run = try peftkit("repair", source, "--base", base, "-o", directory.path("out"))
    let isNear = start.isEmpty
    #expect(run.exitCode == (isNear ? 0 : 1), "\(run.output)")
    let out = try RawSafeTensors(path: directory.path("out/adapter_model.safetensors"))
    let bound = ["A", "B"].map { "\(prefix)language.\(module).lora_\($0).weight" }
    #expect((out.tensors.map(\.name).sorted() == bound) == isNear)
    let again = try peftkit("validate", directory.path("out"), "--base", base)
    #expect(again.exitCode == (isNear ? 0 : 1), "\(again.output)")
  }

  @Test(
    "a dry run writes nothing; a file is not repaired; an existing output needs --force (Y1, Y5, Y7)"
  )
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let adapter = Fixtures.adapter("mpt-only-source-shared")
    let dry = try peftkit("repair", adapter, "-o", directory.path("out"), "--dry-run")
    #expect(dry.exitCode == 0)
    #expect(dry.output.hasSuffix("to repair: 1 finding\n"))
    #expect(try directory.names.isEmpty)
    let file = try peftkit(
      "repair", adapter + "/adapter_model.safetensors", "-o", directory.path("out"))
    #expect(file.exitCode == 2)
    #expect(file.errors.contains("is not the directory of an adapter or a model"))
    #expect(try peftkit("repair", adapter, "-o", directory.path("out")).exitCode == 0)
    let again = try peftkit("repair", adapter, "-o", directory.path("out"))
    #expect(again.exitCode == 2)
    #expect(again.errors.contains("already exists"))
  }

  @Test(
    "a wrong size in an index is a note, and written again (Y2, G2)",
    arguments: ["999", "\"8\""])
  func indexSize(size: String) throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: directory.path("in"), withIntermediateDirectories: true)
    for (index, name) in ["a", "b"].enumerated() {
      let raw = RawSafeTensors([.init(name, [1], floats: [1])], metadata: ["format": "np"])
      try directory.write(raw.encoded(), to: "in/model-0000\(index + 1)-of-00002.safetensors")
    }
    let index = """
      {"metadata": {"total_size": \(size)}, "weight_map": {
      "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
      """
    try directory.write(Array(index.utf8), to: "in/model.safetensors.index.json")
    let found = try peftkit("validate", directory.path("in"))
    #expect(found.exitCode == 1)
    #expect(found.output.contains("note: the index gives total_size as \(size)"))
    #expect(found.output.contains("warning: the weights have the \"format\" \"np\""))
    let (run, out) = try repaired(directory.path("in"), in: directory)
    #expect(run.exitCode == 0, "\(run.output)")
    #expect(try peftkit("validate", out).output == "\(out): 2 tensors, no findings\n")
  }
}
