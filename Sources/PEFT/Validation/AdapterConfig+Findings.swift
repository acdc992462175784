internal import JSONDocument
internal import Tensors

extension AdapterConfig {
  /// What can be said of the config alone (spec/adapter_config.md, C20 to C29).
  public var findings: [Finding] {
    var findings = baseFindings
    if (try? peftType) == .multitaskPromptTuning {
      findings += multitaskFindings
    }
    return findings
  }

  private var baseFindings: [Finding] {
    var findings: [Finding] = []
    do throws(CheckpointError) {
      let type = try peftType
      if !type.isKnown {
        findings.append(
          Finding(
            .error, "unknown-peft-type",
            "PEFT knows no method \"\(type.rawValue)\" (up to 0.21.2)", key: "peft_type"))
      }
    } catch {
      findings.append(Finding(.error, "peft-type", error.message, key: "peft_type"))
    }
    if case .string(let task)? = document["task_type"], TaskType(rawValue: task) == nil {
      let known = TaskType.allCases.map(\.rawValue).joined(separator: ", ")
      findings.append(
        Finding(
          .error, "unknown-task-type", "PEFT knows no task type \"\(task)\"; it has \(known)",
          key: "task_type"))
    }
    if document["runtime_config"] != nil {
      findings.append(
        Finding(
          .warning, "runtime-config", "PEFT drops \"runtime_config\" when it loads a config",
          key: "runtime_config"))
    }
    return findings
  }

  private var multitaskFindings: [Finding] {
    var findings: [Finding] = []
    let fields = MultitaskPromptTuningFields.all
    for field in fields {
      do throws(CheckpointError) {
        try field.check(document)
      } catch {
        findings.append(Finding(.error, "wrong-type", error.message, key: field.key))
      }
    }
    let known = Set(fields.map { UTF8Text($0.key) })
    for member in document where member.key != "runtime_config" {
      guard !known.contains(UTF8Text(member.key)) else { continue }
      findings.append(
        Finding(
          .warning, "unknown-key",
          "PEFT knows no key \"\(member.key)\" for this method and drops it when it loads the config",
          key: member.key))
    }
    if let config = try? MultitaskPromptTuningConfig(self) {
      findings += config.crossFieldFindings
    }
    return findings
  }
}

extension MultitaskPromptTuningConfig {
  /// The checks of PEFT's `__post_init__` and module, across fields.
  var crossFieldFindings: [Finding] {
    typealias Fields = MultitaskPromptTuningFields
    var findings: [Finding] = []
    do throws(CheckpointError) {
      _ = try dimensions
    } catch {
      findings.append(Finding(.error, "dimensions", error.message))
    }
    if let tokenizerArguments = self[Fields.tokenizerArguments], !tokenizerArguments.isEmpty,
      initialization != .text
    {
      findings.append(
        Finding(
          .error, "tokenizer-arguments",
          "\"tokenizer_kwargs\" is only valid with \"prompt_tuning_init\" TEXT",
          key: Fields.tokenizerArguments.key))
    }
    switch initialization {
    case .text?:
      if (self[Fields.tokenizer] ?? "").isEmpty {
        findings.append(neededByText(Fields.tokenizer.key))
      }
      if self[Fields.initializationText] == nil {
        findings.append(neededByText(Fields.initializationText.key))
      }
    case .averageSourceTasks?, .exactSourceTask?, .onlySourceShared?:
      findings.append(sourceFinding)
    case .random?: break
    case nil:
      findings.append(
        Finding(
          .warning, "unknown-initialization",
          "PEFT knows no initialisation \"\(self[Fields.initialization])\" and takes it for RANDOM",
          key: Fields.initialization.key))
    }
    return findings
  }

  private func neededByText(_ key: String) -> Finding {
    Finding(
      .error, "text-initialization", "\"prompt_tuning_init\" TEXT needs \"\(key)\"", key: key)
  }

  private var sourceFinding: Finding {
    let key = MultitaskPromptTuningFields.sourcePath.key
    let initialization = self[MultitaskPromptTuningFields.initialization]
    guard let path = self[MultitaskPromptTuningFields.sourcePath] else {
      return Finding(
        .error, "source-initialization",
        "\"prompt_tuning_init\" \(initialization) needs \"\(key)\"",
        key: key)
    }
    return Finding(
      .warning, "source-initialization",
      "PEFT reads \"\(path)\" again whenever it loads this adapter (\(initialization)), and fails on "
        + "machines that do not have it; set \"prompt_tuning_init\" to RANDOM to publish the adapter",
      key: key)
  }
}
