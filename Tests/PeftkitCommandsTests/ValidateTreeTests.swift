// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("validate --recursive")
struct ValidateTreeTests {
  /// A tree of adapters, one inside another, a model, a file and damaged ones.
  private func tree() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for (name, fixture) in [
      ("good", "mpt-causal-lm"), ("run", "lora"), ("run/checkpoint-1", "mpt-only-source-shared"),
      ("zz", "mpt-causal-lm-bin"),
    ] {
      try FileManager.default.copyItem(
        atPath: Fixtures.adapter(fixture), toPath: directory.path(name))
    }
    for name in ["files", "model", "no-weights"] {
      try FileManager.default.createDirectory(
        atPath: directory.path(name), withIntermediateDirectories: true)
    }
    let file = RawSafeTensors([.init("t", [1], floats: [.nan])])
    try directory.write(file.encoded(), to: "files/b.safetensors")
    try directory.write(Array("<html>".utf8), to: "files/a.bin")
    try directory.write(Array("no checkpoint".utf8), to: "files/notes.txt")
    try directory.write(Array("{}".utf8), to: "no-weights/adapter_config.json")
    try directory.write(Array("{}".utf8), to: "model/config.json")
    let weights = RawSafeTensors(
      [.init("t", [1], floats: [1])], metadata: ["format": "pt"])
    try directory.write(weights.encoded(), to: "model/model.safetensors")
    return directory
  }

  @Test("a line for each unit with findings or damage, in order, and a summary (L71)")
  func text() throws {
    let tree = try tree()
    let run = try peftkit("validate", "--recursive", tree.path)
    #expect(run.exitCode == 2)
    #expect(run.errors.isEmpty)
    let lines = run.output.split(separator: "\n").map(String.init)
    let starts = [
      "files/a.bin: unreadable: is a web page, not a checkpoint",
      "files/b.safetensors: 1 error [non-finite-values]",
      "no-weights: unreadable: ",
      "run/checkpoint-1: 1 warning [source-initialization]",
    ]
    #expect(lines.count == starts.count + 1)
    for (line, start) in zip(lines, starts) {
      #expect(line.hasPrefix(tree.path(start)), "\(line)")
    }
    #expect(
      lines.last
        == "\(tree.path): 8 checked, 1 with errors, 1 with warnings, 2 unreadable")
  }

  @Test("JSON lines: an object for each unit, and the summary last (L72)")
  func jsonLines() throws {
    let tree = try tree()
    let run = try peftkit("validate", "--recursive", tree.path, "--json")
    #expect(run.exitCode == 2)
    let objects = try run.output.split(separator: "\n").map { line in
      try #require(
        JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
    }
    #expect(
      objects.map { $0["path"] as? String } == [
        tree.path("files/a.bin"), tree.path("files/b.safetensors"), tree.path("good"),
        tree.path("model"), tree.path("no-weights"), tree.path("run"),
        tree.path("run/checkpoint-1"), tree.path("zz"), tree.path,
      ])
    #expect(
      objects.map { $0["kind"] as? String } == [
        "unreadable", "file", "adapter", "model", "unreadable", "adapter", "adapter", "adapter",
        "tree",
      ])
    #expect(
      Set(objects[0].keys) == ["path", "kind", "holds", "error", "hint"])
    let single = try peftkit("validate", tree.path("run/checkpoint-1"), "--json").json()
    #expect(NSDictionary(dictionary: objects[6]) == NSDictionary(dictionary: single))
    let summary = objects[8]
    #expect(summary["checked"] as? Int == 8)
    #expect(summary["with_errors"] as? Int == 1)
    #expect(summary["with_warnings"] as? Int == 1)
    #expect(summary["with_notes"] as? Int == 0)
    #expect(summary["unreadable"] as? Int == 2)
    #expect(summary["holds"] as? Bool == false)
  }

  @Test("the exit code is that of the worst unit, and the filter applies (L25, L70, L71)")
  func exitCodes() throws {
    let tree = try tree()
    for name in ["files/a.bin", "no-weights"] {
      try FileManager.default.removeItem(atPath: tree.path(name))
    }
    #expect(try peftkit("validate", "--recursive", tree.path).exitCode == 1)
    let ignored = ["--ignore", "non-finite-values"]
    let run = try peftkit(["validate", "--recursive", tree.path, "--fail-on", "error"] + ignored)
    #expect(run.exitCode == 0)
    #expect(run.output.hasSuffix(": 6 checked, 1 with warnings\n"))
    let good = try peftkit("validate", "--recursive", tree.path("good"))
    #expect(good.exitCode == 0)
    #expect(good.output == "\(tree.path("good")): 1 checked, no findings\n")
  }

  @Test("a tree without units, and a path that is not a directory, are errors (L71)")
  func nothing() throws {
    let directory = try TemporaryDirectory()
    let empty = try peftkit("validate", "--recursive", directory.path)
    #expect(empty.exitCode == 2)
    #expect(empty.output.isEmpty)
    #expect(empty.errors.contains("contains no adapter, no model and no checkpoint file"))
    let file = try directory.write([], to: "x")
    #expect(try peftkit("validate", "--recursive", file).exitCode == 2)
  }

  @Test("adapters that are alike are told apart, whatever was checked before (L71)")
  func nearCopies() throws {
    let tree = try TemporaryDirectory()
    let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    let config = #"{"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}"#
    func a(_ shape: [UInt64], at name: String) -> RawSafeTensors.Tensor {
      .init(name, shape, floats: .init(repeating: 1, count: Int(shape.reduce(1, *))))
    }
    let same = [a([2, 4], at: name + "A.weight"), a([6, 2], at: name + "B.weight")]
    let cases: [(config: String, tensors: [RawSafeTensors.Tensor], code: String?)] = [
      (config, same, nil),
      (config.replacing("2", with: "4"), same, "shape-mismatch"),
      (config, [a([3, 4], at: name + "A.weight"), same[1]], "shape-mismatch"),
      (config, [same[0], a([6, 2], at: name + "C.weight")], "missing-tensor"),
      (config.replacing("q_proj", with: "k_proj"), same, "untargeted-module"),
      (config, [same[0]], "missing-tensor"),
    ]
    for number in 0..<60 {
      let (config, tensors, _) = cases[(number * number + number / 3) % cases.count]
      let folder = "\(100 + number)"
      try FileManager.default.createDirectory(
        atPath: tree.path(folder), withIntermediateDirectories: true)
      try tree.write(Array(config.utf8), to: folder + "/adapter_config.json")
      try tree.write(
        RawSafeTensors(tensors, metadata: ["format": "pt"]).encoded(),
        to: folder + "/adapter_model.safetensors")
    }
    let run = try peftkit("validate", "--recursive", tree.path, "--json")
    let lines = run.output.split(separator: "\n").dropLast().map(String.init)
    #expect(lines.count == 60)
    for (number, line) in lines.enumerated() {
      let code = cases[(number * number + number / 3) % cases.count].code
      #expect(line.contains("\"error\"") == (code != nil), "\(line)")
      if let code { #expect(line.contains(code), "\(line)") }
    }
  }

  @Test("results are in the order of the walk, however long each takes (L71)")
  func order() throws {
    let directory = try TemporaryDirectory()
    for index in 0..<300 {
      let count = index.isMultiple(of: 7) ? 40_000 : 1
      let raw = RawSafeTensors([
        .init("t", [UInt64(count)], floats: .init(repeating: .nan, count: count))
      ])
      try directory.write(raw.encoded(), to: "f\(1000 + index).safetensors")
    }
    let run = try peftkit("validate", "--recursive", directory.path)
    let lines = run.output.split(separator: "\n").dropLast()
    #expect(lines.count == 300)
    #expect(lines.map(String.init) == lines.map(String.init).sorted())
  }
}
