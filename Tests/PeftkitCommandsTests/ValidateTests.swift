// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("validate")
struct ValidateTests {
  @Test("an adapter without findings is exit code 0 (L1, L25)")
  func clean() throws {
    let path = Fixtures.adapter("mpt-causal-lm")
    let run = try peftkit("validate", path)
    #expect(run.exitCode == 0)
    #expect(run.output == "\(path): 3 tensors, no findings\n")
    let json = try peftkit("validate", path, "--json").json()
    #expect(
      Set(json.keys) == [
        "path", "kind", "format", "holds", "findings", "finding_count", "ignored_count",
      ])
    #expect(json["holds"] as? Bool == true)
    #expect((json["findings"] as? [Any])?.isEmpty == true)
    #expect(json["finding_count"] as? Int == 0)
  }

  @Test("findings are printed as data, and are exit code 1 (L1, L25, L26, L27)")
  func findings() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.replaceInConfig("\"num_tasks\": 3", "\"num_tasks\": 4")
    try copy.changeWeights {
      $0["prefix_task_rows"] = nil
      $0.tensors.append(.init("x", [2], floats: [0, -.infinity]))
    }
    let run = try peftkit("validate", copy.path)
    #expect(run.exitCode == 1)
    #expect(run.errors.isEmpty)
    #expect(
      run.output == """
        error: prefix_task_cols has the shape [3, 8, 1], but the config says [4, 8, 1] \
        = [num_tasks, num_virtual_tokens × num_transformer_submodules, num_ranks] [shape-mismatch]
        error: the weights have no prefix_task_rows [missing-tensor]
        error: PEFT ignores x: it belongs neither to MULTITASK_PROMPT_TUNING nor to a module of \
        "modules_to_save" [unexpected-tensor]
        error: x has one value that is NaN or infinite, at element 1 of 2 \
        [non-finite-values]
        \(copy.path): 3 tensors, 4 findings

        """)
    let json = try peftkit("validate", copy.path, "--json").json()
    #expect(json["holds"] as? Bool == false)
    #expect(json["kind"] as? String == "adapter")
    #expect(json["finding_count"] as? Int == 4)
    let findings = try #require(json["findings"] as? [[String: Any]])
    for finding in findings {
      #expect(
        Set(finding.keys) == ["severity", "code", "message", "key", "tensor", "repairs"])
    }
    #expect(findings.map { $0["severity"] as? String } == ["error", "error", "error", "error"])
    #expect(findings[2]["tensor"] as? String == "x")
    #expect(findings[2]["key"] is NSNull)
  }

  @Test("of a file the values alone are looked at (L25)")
  func file() throws {
    let directory = try TemporaryDirectory()
    let good = RawSafeTensors([.init("t", [1], floats: [1])])
    let path = try directory.write(good.encoded(), to: "a.safetensors")
    #expect(try peftkit("validate", path).output == "\(path): 1 tensor, no findings\n")
    let bad = RawSafeTensors([.init("t", [1], floats: [.nan])])
    try directory.write(bad.encoded(), to: "a.safetensors")
    let run = try peftkit("validate", path, "--json")
    #expect(run.exitCode == 1)
    #expect(try run.json()["kind"] as? String == "file")
  }

  @Test("notes alone are exit code 0, and renames are repairs (L25, L26, L27)")
  func notesAndRenames() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.changeWeights {
      $0.tensors.append(
        .init("base_model.lm_head.weight", [2, 16], floats: .init(repeating: 1, count: 32)))
    }
    let note = try peftkit("validate", copy.path)
    #expect(note.exitCode == 0)
    #expect(note.output.hasPrefix("note: base_model.lm_head.weight [2, 16] is an embedding matrix"))
    #expect(note.output.hasSuffix(": 4 tensors, 1 finding\n"))
    #expect(try peftkit("validate", copy.path, "--json").json()["holds"] as? Bool == true)
    let other = "prompt_encoder.default.embedding.weight"
    try copy.changeWeights { weights in
      weights.tensors.removeLast()
      let place = weights.tensors.firstIndex { $0.name == "prompt_embeddings" }
      if let place { weights.tensors[place].name = other }
    }
    let run = try peftkit("validate", copy.path)
    #expect(run.exitCode == 1)
    #expect(run.output.contains("-o OUT can fix 1 finding\n"))
    let json = try peftkit("validate", copy.path, "--json").json()
    let finding = try #require((json["findings"] as? [[String: Any]])?.first)
    let repairs = try #require(finding["repairs"] as? [[String: String]])
    #expect(
      repairs == [["action": "rename-tensor", "from": other, "to": "prompt_embeddings"]])
    let renamed = copy.path + "-renamed"
    defer { try? FileManager.default.removeItem(atPath: renamed) }
    let repair = try peftkit("repair", copy.path, "-o", renamed)
    #expect(repair.exitCode == 0, "\(repair.errors)")
    #expect(try peftkit("validate", renamed).exitCode == 0)
  }

  @Test("tasks of an adapter whose method cannot be told are an error that says why (O40)")
  func unreadableMethod() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.replaceInConfig("\"MULTITASK_PROMPT_TUNING\"", "5")
    let shown = try peftkit("inspect", copy.path)
    #expect(shown.exitCode == 0)
    #expect(shown.output.contains("\"peft_type\" must be a string or null, but is an integer"))
    #expect(!shown.output.contains("\ntasks"))
    let run = try peftkit("inspect", copy.path, "--tasks")
    #expect(run.exitCode == 2)
    #expect(run.errors.contains("\"peft_type\" must be a string or null, but is an integer"))
    let validated = try peftkit("validate", copy.path)
    #expect(validated.exitCode == 1)
    #expect(validated.output.hasPrefix("error: \"peft_type\" must be a string or null"))
  }

  @Test("warnings alone are findings too (L25)")
  func warnings() throws {
    let run = try peftkit("validate", Fixtures.adapter("mpt-only-source-shared"))
    #expect(run.exitCode == 1)
    #expect(run.output.hasPrefix("warning: "))
  }

  @Test(
    "the severity that fails is that of --fail-on (L25)",
    arguments: [("error", 0), ("warning", 1), ("note", 1)])
  func failOn(severity: String, exitCode: Int32) throws {
    let path = Fixtures.adapter("mpt-only-source-shared")
    let run = try peftkit("validate", path, "--fail-on", severity, "--json")
    #expect(run.exitCode == exitCode)
    #expect(try run.json()["holds"] as? Bool == (exitCode == 0))
    #expect(try run.json()["finding_count"] as? Int == 1)
    #expect(try peftkit("validate", path, "--fail-on", "none").exitCode == 64)
  }

  @Test("findings of ignored codes do not count (L70)")
  func ignore() throws {
    let path = Fixtures.adapter("mpt-only-source-shared")
    let run = try peftkit("validate", path, "--ignore", "source-initialization")
    #expect(run.exitCode == 0)
    #expect(run.output == "\(path): 3 tensors, no findings, 1 ignored\n")
    let other = try peftkit(
      "validate", path, "--ignore", "wrong-type", "--ignore", "unknown-key", "--json")
    #expect(other.exitCode == 1)
    #expect(try other.json()["ignored_count"] as? Int == 0)
  }

  @Test("an unknown code is wrong usage, and the error names similar ones (L70)")
  func unknownCode() throws {
    let run = try peftkit("validate", "a", "--ignore", "superseeded-weight")
    #expect(run.exitCode == 64)
    #expect(
      run.errors.contains(
        "unknown code 'superseeded-weight'; did you mean superseded-weights?"))
    let strange = try peftkit("validate", "a", "--ignore", "zzz")
    #expect(strange.exitCode == 64)
    #expect(strange.errors.contains("unknown code 'zzz'\n"))
  }

  @Test("a config alone is checked (L25)")
  func config() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    let path = copy.path + "/adapter_config.json"
    #expect(try peftkit("validate", path).output == "\(path): no findings\n")
    try copy.replaceInConfig("\"num_tasks\": 3", "\"num_tasks\": \"3\"")
    let run = try peftkit("validate", path, "--json")
    #expect(run.exitCode == 1)
    #expect(try run.json()["kind"] as? String == "config")
    #expect(try run.json()["format"] is NSNull)
    let findings = try #require(try run.json()["findings"] as? [[String: Any]])
    #expect(findings.map { $0["code"] as? String } == ["wrong-type"])
    #expect(findings.map { $0["key"] as? String } == ["num_tasks"])
  }

  @Test("of many findings of a code the first are printed, and all in JSON (L26, L27)")
  func many() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.changeWeights { weights in
      for index in 0..<20 { weights.tensors.append(.init("x\(index)", [1], floats: [1])) }
    }
    let run = try peftkit("validate", copy.path)
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 14)
    #expect(lines[12] == "(and 8 more) [unexpected-tensor]")
    #expect(lines[13].hasSuffix(": 23 tensors, 20 findings"))
    let json = try peftkit("validate", copy.path, "--json").json()
    #expect((json["findings"] as? [Any])?.count == 20)
  }
}
