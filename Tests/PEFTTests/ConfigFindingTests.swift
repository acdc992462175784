// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import PEFT
import Tensors
import TestSupport
import Testing

/// A config that PEFT saved with changes, and the findings that they must make.
struct ConfigFindingCase: CustomTestStringConvertible, Sendable {
  let rule: String
  /// Keys to set, or to remove where nil.
  let changes: [(key: String, value: JSONValue?)]
  let severity: Finding.Severity
  let code: Finding.Code
  let key: String?
  /// What the message must hold: both sides.
  let parts: [String]

  var testDescription: String { "\(rule) \(code): \(changes)" }

  init(
    _ rule: String, _ changes: [(String, JSONValue?)], _ severity: Finding.Severity,
    _ code: Finding.Code,
    key: String?, _ parts: [String]
  ) {
    self.rule = rule
    self.changes = changes.map { (key: $0.0, value: $0.1) }
    self.severity = severity
    self.code = code
    self.key = key
    self.parts = parts
  }

  static let all: [ConfigFindingCase] = [
    Self("C20", [("peft_type", nil)], .error, "peft-type", key: "peft_type", ["peft_type"]),
    Self("C20", [("peft_type", .null)], .error, "peft-type", key: "peft_type", ["peft_type"]),
    Self("C20", [("peft_type", 5)], .error, "peft-type", key: "peft_type", ["an integer"]),
    Self(
      "C20", [("peft_type", "LORAX")], .error, "unknown-peft-type", key: "peft_type",
      ["\"LORAX\"", "0.21.2"]),
    Self(
      "C21", [("task_type", "CHAT")], .error, "unknown-task-type", key: "task_type",
      ["\"CHAT\"", "SEQ_CLS, SEQ_2_SEQ_LM, CAUSAL_LM, TOKEN_CLS, QUESTION_ANS, FEATURE_EXTRACTION"]),
    Self(
      "C22", [("runtime_config", [:])], .warning, "runtime-config", key: "runtime_config",
      ["runtime_config", "drops"]),
    Self(
      "C23", [("num_ranks", 1.5)], .error, "wrong-type", key: "num_ranks",
      ["an integer or null", "a float"]),
    Self(
      "C24", [("num_experts", 1)], .warning, "unknown-key", key: "num_experts", ["\"num_experts\""]),
    Self("C25", [("num_tasks", 0)], .error, "dimensions", key: nil, ["at least 1", "is 0"]),
    Self(
      "C25", [("token_dim", .null)], .warning, "token-dimension", key: "token_dim",
      ["\"token_dim\" is not set", "base model"]),
    Self("C23", [("num_ranks", .null)], .error, "wrong-type", key: "num_ranks", ["is null", "1"]),
    Self(
      "C40", [("num_virtual_tokens", nil)], .error, "missing-key", key: "num_virtual_tokens",
      ["not set"]),
    Self(
      "C34", [("task_type", .null)], .error, "unsupported-task-type", key: "task_type",
      ["ignores the prompt"]),
    Self(
      "C34", [("task_type", nil)], .error, "unsupported-task-type", key: "task_type",
      ["ignores the prompt"]),
    Self(
      "C34", [("task_type", "FEATURE_EXTRACTION")], .error, "unsupported-task-type",
      key: "task_type", ["FEATURE_EXTRACTION", "every forward fails"]),
    Self(
      "C34", [("task_type", "QUESTION_ANS")], .error, "unsupported-task-type",
      key: "task_type", ["QUESTION_ANS", "every forward fails"]),
    Self(
      "C26", [("tokenizer_kwargs", ["a": 1])], .error, "tokenizer-arguments",
      key: "tokenizer_kwargs", ["tokenizer_kwargs", "TEXT"]),
    Self(
      "C27", [("prompt_tuning_init", "TEXT"), ("prompt_tuning_init_text", "a")], .error,
      "text-initialization", key: "tokenizer_name_or_path", ["TEXT", "tokenizer_name_or_path"]),
    Self(
      "C27",
      [
        ("prompt_tuning_init", "TEXT"), ("prompt_tuning_init_text", "a"),
        ("tokenizer_name_or_path", ""),
      ], .error, "text-initialization", key: "tokenizer_name_or_path",
      ["TEXT", "tokenizer_name_or_path"]),
    Self(
      "C27", [("prompt_tuning_init", "TEXT"), ("tokenizer_name_or_path", "t")], .error,
      "text-initialization", key: "prompt_tuning_init_text", ["TEXT", "prompt_tuning_init_text"]),
    Self(
      "C28", [("prompt_tuning_init", "SAMPLE_VOCAB")], .warning, "invalid-value",
      key: "prompt_tuning_init", ["\"SAMPLE_VOCAB\"", "RANDOM", "ignores"]),
    Self(
      "C29", [("prompt_tuning_init", "AVERAGE_SOURCE_TASKS")], .error, "source-initialization",
      key: "prompt_tuning_init_state_dict_path",
      ["AVERAGE_SOURCE_TASKS", "prompt_tuning_init_state_dict_path"]),
    Self(
      "C29",
      [
        ("prompt_tuning_init", "EXACT_SOURCE_TASK"),
        ("prompt_tuning_init_state_dict_path", "/home/me/source.bin"),
      ], .warning, "source-initialization", key: "prompt_tuning_init_state_dict_path",
      ["EXACT_SOURCE_TASK", "/home/me/source.bin"]),
    Self(
      "C29",
      [
        ("prompt_tuning_init", "ONLY_SOURCE_SHARED"),
        ("prompt_tuning_init_state_dict_path", "x.safetensors"),
      ], .warning, "source-initialization", key: "prompt_tuning_init_state_dict_path",
      ["ONLY_SOURCE_SHARED", "x.safetensors"]),
  ]
}

/// Keys whose values in the fixtures only the class accepts: loading an adapter with them fails.
let fixtureKeysOfOtherTypes: Set<String> = ["layer_replication", "target_svd_config"]

@Suite("Findings about configs")
struct ConfigFindingTests {
  @Test("each rule is found, alone, with both sides (C20 to C29)", arguments: ConfigFindingCase.all)
  func finding(_ item: ConfigFindingCase) throws {
    var changed = try AdapterConfig(
      path: Fixtures.adapter("mpt-causal-lm") + "/adapter_config.json")
    #expect(changed.findings().isEmpty)
    for (key, value) in item.changes { changed.document[key] = value }
    let findings = changed.findings()
    #expect(findings.count == 1)
    let finding = try #require(findings.first)
    #expect(finding.severity == item.severity)
    #expect(finding.code == item.code)
    #expect(finding.key == item.key)
    #expect(finding.tensor == nil)
    for part in item.parts {
      #expect(finding.message.contains(part), "\(finding.message) lacks \(part)")
    }
  }

  @Test("nothing is said of a config that PEFT takes", arguments: ["TEXT", "RANDOM"])
  func silent(initialization: JSONValue) throws {
    var changed = try AdapterConfig(
      path: Fixtures.adapter("mpt-text-init") + "/adapter_config.json")
    #expect(changed.findings().isEmpty)
    // PEFT asks whether the arguments hold something, and whether the text is None.
    changed.document["prompt_tuning_init"] = initialization
    changed.document["tokenizer_kwargs"] = [:]
    changed.document["prompt_tuning_init_text"] = ""
    #expect(changed.findings().isEmpty)
  }

  @Test("every config that PEFT wrote is of a known method and task (C20, C21)")
  func knownMethods() throws {
    let codes: Set<Finding.Code> = [
      "peft-type", "unknown-peft-type", "unknown-task-type", "wrong-type",
    ]
    for path in try writtenConfigs() {
      let findings = try AdapterConfig(path: path).findings().filter {
        codes.contains($0.code) && !fixtureKeysOfOtherTypes.contains($0.key ?? "")
      }
      #expect(findings.isEmpty, "\(path): \(findings)")
    }
  }

  @Test("older releases' configs lack keys and are well (C12, C24)")
  func olderReleases() throws {
    let path = Fixtures.path("configs/0.6.2/MULTITASK_PROMPT_TUNING.json")
    let codes = try AdapterConfig(path: path).findings().map(\.code)
    #expect(!codes.contains("wrong-type") && !codes.contains("unknown-key"))
  }

  @Test("one finding for each wrong key (C23) and each unknown one (C24), then no more")
  func several() throws {
    let read = try config(
      #"{"peft_type": "MULTITASK_PROMPT_TUNING", "num_ranks": "a", "token_dim": "b", "x": 1, "y": 2}"#
    )
    let findings = read.findings()
    #expect(findings.filter { $0.code == "wrong-type" }.map(\.key) == ["num_ranks", "token_dim"])
    #expect(findings.filter { $0.code == "unknown-key" }.map(\.key) == ["x", "y"])
    #expect(findings.filter { $0.code == "missing-key" }.map(\.key) == ["num_virtual_tokens"])
    #expect(findings.count == 5)
  }

  @Test("configs of other methods are checked for C20 to C24")
  func otherMethods() throws {
    let read = try config(
      #"{"peft_type": "LORA", "task_type": "CHAT", "runtime_config": 1, "x": 1, "num_tasks": null}"#
    )
    #expect(
      read.findings().map(\.code) == [
        "unknown-task-type", "runtime-config", "unknown-key", "unknown-key",
      ])
    let wrong = try config(
      #"{"peft_type": "LORA", "task_type": 5, "modules_to_save": "all", "r": "a"}"#)
    #expect(wrong.findings().map(\.code) == ["wrong-type", "wrong-type", "wrong-type"])
    #expect(wrong.findings().map(\.key) == ["task_type", "modules_to_save", "r"])
  }

  @Test("a described method is found by its name, every other known name has the fields of C14")
  func methods() throws {
    #expect(try config(#"{"peft_type": "LORAPLUS"}"#).method is UndescribedMethod)
    #expect(
      try config(#"{"peft_type": "MULTITASK_PROMPT_TUNING"}"#).method
        is MultitaskPromptTuningMethod)
    for method in AdapterMethods.all {
      #expect(method.type.isKnown)
      #expect(AdapterMethods.method(of: method.type).type == method.type)
    }
  }
}
