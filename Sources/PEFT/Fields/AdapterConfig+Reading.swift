// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension AdapterConfig {
  /// Findings about the method, the task and all keys, as a release reads them: whether it loads the
  /// config, and with the same meaning.
  ///
  /// - Complexity: O(keys + items of lists).
  func readingFindings(in release: ExaminedRelease) -> [Finding] {
    let type: PEFTType
    do throws(CheckpointError) {
      type = try peftType
    } catch {
      return [absentTypeFinding(error)] + taskFindings(in: release)
    }
    guard let fields = MethodFields(type) else {
      return [unknownTypeFinding(type)] + taskFindings(in: release)
    }
    guard fields.releases.contains(release.release) else {
      return [missingMethodFinding(fields, in: release)] + taskFindings(in: release)
    }
    return taskFindings(in: release) + baseModelFindings
      + FieldFindings(fields: fields, release: release).findings(about: document)
  }

  /// A finding about a `peft_type` that is absent, null or not a string, and about what the config is
  /// instead.
  private func absentTypeFinding(_ error: CheckpointError) -> Finding {
    if document["peft_type"] == nil, let foreign = ForeignConfig(document) {
      return Finding(
        .error, "foreign-config",
        "has no \"peft_type\": this is \(foreign.name), not of a PEFT adapter; \(foreign.advice)",
        key: "peft_type")
    }
    let likely = MethodFields.likelyType(of: document)
    return Finding(
      .error, "peft-type",
      error.message
        + (likely.map {
          "; its keys are those of \($0.rawValue): set \"peft_type\" to \"\($0.rawValue)\""
        } ?? "; set \"peft_type\" to the method, such as \"LORA\""),
      key: "peft_type")
  }

  private func unknownTypeFinding(_ type: PEFTType) -> Finding {
    let newest = ExaminedRelease.newest.release
    let known = PEFTType.all.map(\.rawValue)
    let near = type.rawValue.nearest(in: known, limit: 1).first
    let isSpelling = near.map { $0.lowercased() == type.rawValue.lowercased() } ?? false
    return Finding(
      .error, "unknown-peft-type",
      "unknown method \"\(type.rawValue.excerpt)\": no release of PEFT up to \(newest) has it"
        + (near.map { "; did you mean \($0)?" } ?? ""),
      key: "peft_type",
      repairs: isSpelling ? near.map { [.setKey("peft_type", to: .string($0))] } ?? [] : [])
  }

  private func missingMethodFinding(
    _ fields: MethodFields, in release: ExaminedRelease
  ) -> Finding {
    let isRemoved = fields.releases.last.map { $0 < release.release } ?? false
    let message =
      "PEFT \(release.release) does not have \(fields.type.rawValue): "
      + (isRemoved
        ? "it was removed after \(fields.releases.last ?? fields.releases.first)"
        : "it came with \(fields.releases.first)")
    let successor = isRemoved ? MethodSuccessor(of: fields.type) : nil
    return Finding(
      .error, "missing-method", message + (successor.map { "; \($0.advice)" } ?? ""),
      key: "peft_type")
  }

  /// Findings about the base model's name (spec/adapter_config.md, C42).
  private var baseModelFindings: [Finding] {
    guard let name = BaseModelName(document["base_model_name_or_path"]) else { return [] }
    return [
      Finding(
        name.isOfOneUser ? .warning : .note, "base-model", name.description,
        key: "base_model_name_or_path")
    ]
  }

  /// Findings about `task_type` and `runtime_config`.
  private func taskFindings(in release: ExaminedRelease) -> [Finding] {
    var findings: [Finding] = []
    if let task = document["task_type"], !task.isNull,
      task.string.flatMap(TaskType.init(rawValue:)) == nil
    {
      findings.append(taskFinding(task, in: release))
    }
    if document["runtime_config"] != nil {
      let isRefused = release.runtimeConfig == .refuses
      findings.append(
        Finding(
          isRefused ? .error : .warning, "runtime-config",
          isRefused
            ? "PEFT \(release.release) raises TypeError for \"runtime_config\""
            : "PEFT drops \"runtime_config\" when it loads a config",
          key: "runtime_config", repairs: [.removeKey("runtime_config")]))
    }
    return findings
  }

  private func taskFinding(_ task: JSONValue, in release: ExaminedRelease) -> Finding {
    let known = TaskType.allCases.map(\.rawValue)
    guard let text = task.string else {
      return Finding(
        release.unknownTask == .refuses ? .error : .warning, "wrong-type",
        "\"task_type\" must be a string or null, but is \(task.kindInConfig)", key: "task_type")
    }
    let near =
      Self.taskSpellings[text.lowercased()].map { [$0] } ?? text.nearest(in: known, limit: 1)
    return Finding(
      release.unknownTask == .refuses ? .error : .warning, "unknown-task-type",
      "unknown task type \"\(text.excerpt)\"; PEFT has \(known.joined(separator: ", "))"
        + (near.first.map { "; did you mean \($0)?" } ?? ""),
      key: "task_type")
  }

  /// Other spellings of task types, in lower case.
  private static var taskSpellings: [String: String] {
    [
      "causallm": "CAUSAL_LM", "seq2seqlm": "SEQ_2_SEQ_LM", "seq2seq": "SEQ_2_SEQ_LM",
      "sequenceclassification": "SEQ_CLS", "tokenclassification": "TOKEN_CLS",
      "questionanswering": "QUESTION_ANS",
    ]
  }
}

/// The method that takes the place of a removed one.
private struct MethodSuccessor {
  /// What to do with an adapter of the removed method.
  let advice: String

  /// Looks up a removed method; nil when nothing takes its place.
  init?(of type: PEFTType) {
    switch type.rawValue {
    case "BONE":
      advice = "MISS takes its place, and PEFT's convert-bone-to-miss.py converts an adapter"
    default: return nil
    }
  }
}
