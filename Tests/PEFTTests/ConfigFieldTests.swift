// SPDX-License-Identifier: Apache-2.0
import Foundation
import JSONDocument
import PEFT
import Tensors
import TestSupport
import Testing

typealias Fields = MultitaskPromptTuningFields

/// `MultitaskPromptTuningConfig(num_virtual_tokens=3).save_pretrained(…)` of PEFT 0.21.2.
let defaultsOfPEFT = """
  {
    "auto_mapping": null,
    "base_model_name_or_path": null,
    "inference_mode": false,
    "modules_to_save": null,
    "num_attention_heads": null,
    "num_layers": null,
    "num_ranks": 1,
    "num_tasks": 1,
    "num_transformer_submodules": null,
    "num_virtual_tokens": 3,
    "peft_type": "MULTITASK_PROMPT_TUNING",
    "peft_version": "0.21.2",
    "prompt_tuning_init": "RANDOM",
    "prompt_tuning_init_state_dict_path": null,
    "prompt_tuning_init_task": 0,
    "prompt_tuning_init_text": null,
    "revision": null,
    "task_type": null,
    "token_dim": null,
    "tokenizer_kwargs": null,
    "tokenizer_name_or_path": null
  }
  """

/// The least that a config needs to be one of multitask prompt tuning.
func multitask(_ members: String = "") throws(CheckpointError) -> MultitaskPromptTuningConfig {
  let text = "{\"peft_type\": \"MULTITASK_PROMPT_TUNING\"" + (members.isEmpty ? "" : ", ")
  return try MultitaskPromptTuningConfig(config(text + members + "}"))
}

@Suite("Config fields")
struct ConfigFieldTests {
  @Test("absent keys have PEFT's defaults, all of which it writes (C7, C11, C12)")
  func defaults() throws {
    let written = try config(defaultsOfPEFT)
    let empty = try multitask()
    func same<Value: ConfigValue & Equatable>(_ field: ConfigField<Value>) throws {
      #expect(try written.value(field) == empty[field], "\(field.key)")
    }
    try same(BaseConfigFields.autoMapping)
    try same(BaseConfigFields.baseModel)
    try same(BaseConfigFields.inferenceMode)
    try same(BaseConfigFields.revision)
    try same(BaseConfigFields.taskType)
    try same(BaseConfigFields.modulesToSave)
    try same(Fields.attentionHeadCount)
    try same(Fields.layerCount)
    try same(Fields.rank)
    try same(Fields.taskCount)
    try same(Fields.submoduleCount)
    try same(Fields.initialization)
    try same(Fields.sourcePath)
    try same(Fields.sourceTask)
    try same(Fields.initializationText)
    try same(Fields.tokenDimension)
    try same(Fields.tokenizerArguments)
    try same(Fields.tokenizer)
    #expect(empty[Fields.virtualTokenCount] == nil)
    #expect(try config("{}").value(BaseConfigFields.peftType) == nil)
  }

  @Test("a new config is the one that PEFT makes, but for the version (C10, C12)")
  func newConfig() throws {
    var new = MultitaskPromptTuningConfig(virtualTokenCount: 3, tokenDimension: 1)
    #expect(new[BaseConfigFields.peftVersion] == nil)
    new.tokenDimension = nil
    new[BaseConfigFields.peftVersion] = "0.21.2"
    #expect(String(decoding: new.encoded(), as: UTF8.self) == defaultsOfPEFT)
  }

  @Test("a new config with sizes is the one that PEFT saved (C9, C10)")
  func newConfigOfAdapter() throws {
    var new = MultitaskPromptTuningConfig(
      virtualTokenCount: 8, tokenDimension: 16, taskCount: 3, rank: 1,
      taskType: .causalLanguageModel)
    new[BaseConfigFields.baseModel] = "tiny-gpt2"
    new[BaseConfigFields.inferenceMode] = true
    new[BaseConfigFields.peftVersion] = "0.21.2"
    new[Fields.attentionHeadCount] = 1
    new[Fields.layerCount] = 1
    new[Fields.submoduleCount] = 1
    #expect(
      try new.encoded() == bytes(of: Fixtures.adapter("mpt-causal-lm") + "/adapter_config.json"))
  }

  @Test("fields are read as PEFT wrote them (C11, C12)")
  func reads() throws {
    let seq2seq = try MultitaskPromptTuningConfig(
      AdapterConfig(path: Fixtures.adapter("mpt-seq2seq") + "/adapter_config.json"))
    #expect(seq2seq.taskType == .sequenceToSequence)
    #expect(seq2seq[Fields.submoduleCount] == nil)
    let text = try MultitaskPromptTuningConfig(
      AdapterConfig(path: Fixtures.adapter("mpt-text-init") + "/adapter_config.json"))
    #expect(text.initialization == .text)
    #expect(text[Fields.tokenizer]?.isEmpty == false)
    #expect(text[Fields.initializationText] != nil)
    let exact = try MultitaskPromptTuningConfig(
      AdapterConfig(path: Fixtures.adapter("mpt-exact-source-task") + "/adapter_config.json"))
    #expect(exact.initialization == .exactSourceTask)
    #expect(exact[Fields.sourcePath] == "mpt-causal-lm/adapter_model.safetensors")
    #expect(exact.taskCount == 1)
    let noTask = try AdapterConfig(path: Fixtures.adapter("lora-no-task") + "/adapter_config.json")
    #expect(try noTask.value(BaseConfigFields.autoMapping)?.isEmpty == false)
    #expect(try noTask.value(BaseConfigFields.taskType) == nil)
  }

  @Test("each release has the keys that the tables say (C11, C12)")
  func releases() throws {
    for release in [
      PEFTRelease(0, 6, 2), PEFTRelease(0, 7, 1), PEFTRelease(0, 10, 0), PEFTRelease(0, 13, 2),
      PEFTRelease(0, 15, 2), PEFTRelease(0, 18, 0), PEFTRelease(0, 21, 2),
    ] {
      let path = Fixtures.path("configs/\(release)/MULTITASK_PROMPT_TUNING.json")
      let keys = try Set(AdapterConfig(path: path).document.map(\.key))
      let fields = try #require(MethodFields(.multitaskPromptTuning)).fields(in: release)
      #expect(keys == Set(fields.map(\.key)), "\(release)")
    }
    let newest = try Set(config(defaultsOfPEFT).document.map(\.key))
    let table = try #require(MethodFields(.multitaskPromptTuning))
    #expect(Set(table.defaults.map(\.key)) == newest)
  }

  @Test("null is read as null, not as the default (C7)")
  func null() throws {
    let read = try multitask(#""num_ranks": null, "prompt_tuning_init_task": null"#)
    #expect(read.rank == nil)
    #expect(read[Fields.sourceTask] == nil)
    #expect(try multitask()[Fields.sourceTask] == 0)
  }

  @Test(
    "JSON of another kind is refused with key and kinds (C8)",
    arguments: [
      (#""num_ranks": 1.0"#, #""num_ranks" must be an integer or null, but is a float"#),
      (#""num_tasks": true"#, #""num_tasks" must be an integer or null, but is a boolean"#),
      (#""token_dim": "16""#, #""token_dim" must be an integer or null, but is a string"#),
      (
        #""token_dim": 9223372036854775808"#,
        #""token_dim" must be an integer or null, but is an integer beyond 64 bits"#
      ),
      (#""num_layers": [1]"#, #""num_layers" must be an integer or null, but is an array"#),
      (#""inference_mode": null"#, #""inference_mode" must be true or false, but is null"#),
      (#""inference_mode": 1"#, #""inference_mode" must be true or false, but is an integer"#),
      (#""task_type": 3"#, #""task_type" must be a string or null, but is an integer"#),
      (#""revision": {}"#, #""revision" must be a string or null, but is an object"#),
      (#""auto_mapping": []"#, #""auto_mapping" must be an object or null, but is an array"#),
      (#""prompt_tuning_init": null"#, #""prompt_tuning_init" must be a string, but is null"#),
      (
        #""modules_to_save": "score""#,
        #""modules_to_save" must be a list of strings or null, but is a string"#
      ),
      (
        #""modules_to_save": ["score", 1]"#,
        #""modules_to_save" must be a list of strings or null, but is an array"#
      ),
      (
        #""tokenizer_kwargs": "x""#,
        #""tokenizer_kwargs" must be an object or null, but is a string"#
      ),
    ])
  func wrongTypes(member: String, message: String) {
    let error = #expect(throws: CheckpointError.self) { try multitask(member) }
    #expect(error?.code == .mismatch)
    #expect(error?.message == message)
  }

  @Test("the largest and smallest integers are read (C8)")
  func integerLimits() throws {
    let read = try multitask(
      #""num_tasks": 9223372036854775807, "num_layers": -9223372036854775808"#)
    #expect(read.taskCount == .max)
    #expect(read[Fields.layerCount] == .min)
  }

  @Test("setting a field changes its key alone (C9)")
  func setting() throws {
    let path = Fixtures.path("configs/0.6.2/MULTITASK_PROMPT_TUNING.json")
    var changed = try MultitaskPromptTuningConfig(AdapterConfig(path: path))
    let before = changed.adapterConfig.document
    changed.taskCount = 41
    let after = changed.adapterConfig.document
    #expect(after.map(\.key) == before.map(\.key))
    for member in before where member.key != "num_tasks" {
      #expect(after[member.key] == member.value, "\(member.key)")
    }
    #expect(after["num_tasks"]?.integer == 41)
    changed[BaseConfigFields.peftVersion] = "0.21.2"
    #expect(changed.adapterConfig.document.count == before.count + 1)
    changed.initialization = .onlySourceShared
    #expect(changed[Fields.initialization] == "ONLY_SOURCE_SHARED")
    changed.taskType = nil
    #expect(changed.adapterConfig.document["task_type"]?.isNull == true)
  }

  @Test("unknown keys outlive a typed change (C5, C9)")
  func typedChangesKeepUnknownKeys() throws {
    var changed = try multitask(#""zz": {"b": 1, "a": NaN}"#)
    changed.rank = 2
    #expect(
      String(decoding: changed.encoded(), as: UTF8.self) == """
        {
          "num_ranks": 2,
          "peft_type": "MULTITASK_PROMPT_TUNING",
          "zz": {
            "a": NaN,
            "b": 1
          }
        }
        """)
  }

  @Test("every spelling of task types and initialisations, in PEFT's case only (C13)")
  func spellings() throws {
    #expect(
      TaskType.allCases.map(\.rawValue) == [
        "SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION",
      ])
    #expect(
      PromptInitialization.allCases.map(\.rawValue) == [
        "TEXT", "RANDOM", "AVERAGE_SOURCE_TASKS", "EXACT_SOURCE_TASK", "ONLY_SOURCE_SHARED",
      ])
    #expect(try multitask(#""task_type": "causal_lm""#).taskType == nil)
    #expect(try multitask(#""prompt_tuning_init": "random""#).initialization == nil)
  }

  @Test("another method's fields are kept unread (C14)")
  func otherMethods() throws {
    let lora = try config(#"{"peft_type": "LORA", "num_ranks": "many", "r": 8}"#)
    #expect(try lora.peftType.rawValue == "LORA")
    #expect(lora.document["num_ranks"]?.string == "many")
  }

  @Test(
    "modules that are saved whole (C15)",
    arguments: [
      (#""task_type": "SEQ_CLS""#, ["classifier", "score"]),
      (#""task_type": "TOKEN_CLS""#, ["classifier", "score"]),
      (#""task_type": "QUESTION_ANS""#, ["qa_outputs"]),
      (#""task_type": "CAUSAL_LM""#, []),
      (#""task_type": null"#, []),
      (#""task_type": "SEQ_CLS", "modules_to_save": ["x"]"#, ["x", "classifier", "score"]),
      (#""task_type": "SEQ_CLS", "modules_to_save": []"#, ["classifier", "score"]),
      // PEFT adds the heads whenever it loads the config that it saved.
      (
        #""task_type": "SEQ_CLS", "modules_to_save": ["classifier", "score", "classifier"]"#,
        ["classifier", "score"]
      ),
      (#""task_type": null, "modules_to_save": ["x", "x"]"#, ["x"]),
      (#""task_type": "SEQ_CLS", "modules_to_save": null"#, ["classifier", "score"]),
    ])
  func savedModules(members: String, expected: [String]) throws {
    #expect(try config("{\(members)}").savedModules == expected)
  }

  @Test(
    "sizes must be set, at least 1 and countable (C16, M3)",
    arguments: [
      (#""num_virtual_tokens": null"#, #""num_virtual_tokens" is not set"#),
      (#""token_dim": null"#, #""token_dim" is not set"#),
      (#""num_tasks": null"#, #""num_tasks" is not set"#),
      (#""num_ranks": null"#, #""num_ranks" is not set"#),
      (#""num_virtual_tokens": 0"#, #""num_virtual_tokens" must be at least 1, but is 0"#),
      (#""num_tasks": -3"#, #""num_tasks" must be at least 1, but is -3"#),
      (#""num_ranks": 0"#, #""num_ranks" must be at least 1, but is 0"#),
      (#""token_dim": -1"#, #""token_dim" must be at least 1, but is -1"#),
      (
        #""num_transformer_submodules": 0"#,
        #""num_transformer_submodules" must be at least 1, but is 0"#
      ),
      (
        #""num_virtual_tokens": 4611686018427387904, "num_transformer_submodules": 2"#,
        #""num_virtual_tokens" 4611686018427387904 times "num_transformer_submodules" 2 "#
          + "is more than 64 bits can count"
      ),
    ])
  func refusedSizes(members: String, message: String) throws {
    let keys = [#""num_virtual_tokens": 4"#, #""token_dim": 2"#, #""num_tasks": 3"#]
    let others = keys.filter { !members.contains($0.prefix { $0 != ":" }) }
    let read = try multitask(([members] + others).joined(separator: ", "))
    let error = #expect(throws: CheckpointError.self) { try read.dimensions }
    #expect(error?.message == message)
  }

  @Test(
    "submodules: as given, else 2 for sequence-to-sequence and 1 for others (M2)",
    arguments: [
      (#""task_type": "SEQ_2_SEQ_LM""#, 8), (#""task_type": "CAUSAL_LM""#, 4),
      (#""task_type": null"#, 4),
      (#""task_type": "SEQ_2_SEQ_LM", "num_transformer_submodules": null"#, 8),
      (#""task_type": "SEQ_2_SEQ_LM", "num_transformer_submodules": 1"#, 4),
      (#""task_type": "CAUSAL_LM", "num_transformer_submodules": 3"#, 12),
    ])
  func submodules(members: String, tokens: Int) throws {
    let read = try multitask(
      members + #", "num_virtual_tokens": 4, "token_dim": 2, "num_ranks": 5"#)
    #expect(
      try read.dimensions
        == MultitaskPromptDimensions(
          taskCount: 1, virtualTokenCount: tokens, rank: 5, tokenDimension: 2))
  }

  @Test("shapes follow from the sizes (M1)")
  func shapes() {
    let sizes = MultitaskPromptDimensions(
      taskCount: 2, virtualTokenCount: 3, rank: 5, tokenDimension: 7)
    #expect(sizes.shape(of: .columns) == [2, 3, 5])
    #expect(sizes.shape(of: .rows) == [2, 5, 7])
    #expect(sizes.shape(of: .embeddings) == [3, 7])
    #expect(
      MultitaskPromptTensor.allCases.map(\.rawValue) == [
        "prefix_task_cols", "prefix_task_rows", "prompt_embeddings",
      ])
  }

  @Test(
    "the method is told from peft_type (C17)",
    arguments: [
      (
        #"{"peft_type": "LORA"}"#,
        "the adapter's peft_type is LORA, not MULTITASK_PROMPT_TUNING"
      ),
      (
        #"{"peft_type": "multitask_prompt_tuning"}"#,
        "the adapter's peft_type is multitask_prompt_tuning, not MULTITASK_PROMPT_TUNING"
      ),
      (#"{}"#, #"has no "peft_type", so PEFT cannot load it"#),
      (#"{"peft_type": null}"#, #"has no "peft_type", so PEFT cannot load it"#),
      (#"{"peft_type": 5}"#, #""peft_type" must be a string or null, but is an integer"#),
    ])
  func otherMethod(text: String, message: String) throws {
    let read = try config(text)
    let error = #expect(throws: CheckpointError.self) { try MultitaskPromptTuningConfig(read) }
    #expect(error?.message == message)
  }
}
