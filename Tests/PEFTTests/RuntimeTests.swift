// SPDX-License-Identifier: Apache-2.0
import Archives
import JSONDocument
import PEFT
import Tensors
import TestSupport
import Testing

/// A LoRA config, a runtime, and the code and key of the finding that it makes.
struct RuntimeCase: CustomTestStringConvertible, Sendable {
  let runtime: String
  let members: String
  let code: Finding.Code
  let key: String?

  var testDescription: String { "\(runtime): \(members)" }

  init(_ runtime: String, _ members: String, _ code: Finding.Code, key: String?) {
    self.runtime = runtime
    self.members = members
    self.code = code
    self.key = key
  }

  static let all: [RuntimeCase] = [
    Self("vllm", #""use_dora": true"#, "runtime-refuses", key: "use_dora"),
    Self("vllm", #""bias": "all""#, "runtime-refuses", key: "bias"),
    Self("vllm", #""modules_to_save": ["lm_head"]"#, "runtime-refuses", key: "modules_to_save"),
    Self("vllm", #""init_lora_weights": "pissa""#, "runtime-refuses", key: "init_lora_weights"),
    Self("vllm", #""target_parameters": ["w"]"#, "runtime-unknown", key: "target_parameters"),
    Self("vllm", #""modules_to_save": ["score"], "use_rslora": true"#, "runtime-unknown", key: nil),
    Self("vllm", #""init_lora_weights": true, "bias": "none""#, "runtime-unknown", key: nil),
    Self("llama.cpp", #""use_rslora": true"#, "runtime-ignores", key: "use_rslora"),
    Self("llama.cpp", #""alpha_pattern": {"q": 4}"#, "runtime-ignores", key: "alpha_pattern"),
    Self("llama.cpp", #""lora_alpha": 0"#, "runtime-ignores", key: "lora_alpha"),
    Self("llama.cpp", #""rank_pattern": {"q": 4}"#, "runtime-unknown", key: nil),
    Self("llama.cpp", #""lora_alpha": null"#, "runtime-refuses", key: "lora_alpha"),
    Self("transformers", #""peft_type": "PROMPT_TUNING""#, "runtime-refuses", key: "peft_type"),
    Self("transformers", #""use_dora": true"#, "runtime-unknown", key: "use_dora"),
    Self("mlx-lm", #""r": 8"#, "runtime-refuses", key: "peft_type"),
  ]
}

@Suite("Runtimes")
struct RuntimeTests {
  private func findings(_ members: String, _ runtime: String) throws -> [Finding] {
    var document = try config(
      #"{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q"]}"#
    ).document
    for member in try config("{\(members)}").document { document[member.key] = member.value }
    var options = FindingOptions()
    options.runtime = Runtime.all.first { $0.name == runtime }
    return AdapterConfig(document: document).findings(options)
      .filter { $0.code.rawValue.hasPrefix("runtime-") }
  }

  @Test(
    "what a runtime refuses, ignores, or may do is found (X1 to X3)", arguments: RuntimeCase.all)
  func runtime(_ item: RuntimeCase) throws {
    let findings = try findings(item.members, item.runtime)
    #expect(findings.contains { $0.code == item.code && $0.key == item.key }, "\(findings)")
    let severity: Finding.Severity = item.code == "runtime-unknown" ? .note : .error
    #expect(findings.filter { $0.code == item.code }.allSatisfy { $0.severity == severity })
  }

  @Test("no runtime ever fits: a note says what is not covered (X3)")
  func neverFits() throws {
    for runtime in Runtime.all {
      let findings = try findings("", runtime.name)
      #expect(!findings.isEmpty, "\(runtime.name)")
      #expect(findings.contains { $0.message.contains(runtime.title) })
    }
  }

  @Test("tensors that a runtime does not take are counted, and the first is named (X1, X2)")
  func tensors() throws {
    let adapter = try Adapter(path: Fixtures.adapter("lora-no-task"))
    var options = FindingOptions()
    options.runtime = Runtime.all.first { $0.name == "vllm" }
    let findings = try adapter.findings(options)
    let names = adapter.weights.tensors.map(\.name.string)
    let isPlain = names.allSatisfy {
      $0.hasSuffix(".lora_A.weight") || $0.hasSuffix(".lora_B.weight")
    }
    #expect(findings.contains { $0.code == "runtime-refuses" && $0.tensor != nil } != isPlain)
    options.runtime = Runtime.all.first { $0.name == "llama.cpp" }
    let prompt = try Adapter(path: Fixtures.adapter("mpt-causal-lm")).findings(options)
    // Of a method that a runtime does not load, nothing else is said.
    let refusals = prompt.filter { $0.code.rawValue.hasPrefix("runtime-") }
    #expect(refusals.map(\.key) == ["peft_type"])
  }
}
