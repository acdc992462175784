// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension MultitaskPromptTuningConfig {
  /// The checks of PEFT's `__post_init__` and module, across fields.
  var crossFieldFindings: [Finding] {
    typealias Fields = MultitaskPromptTuningFields
    var findings: [Finding] = []
    findings += taskTypeFindings + sizeFindings
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
    case .random?, nil: break
    }
    return findings
  }

  /// PEFT knows how to run a prompt for four task types only (spec/adapter_config.md, C34).
  private var taskTypeFindings: [Finding] {
    let key = BaseConfigFields.taskType.key
    guard let task = self[BaseConfigFields.taskType] else {
      return [
        Finding(
          .error, "unsupported-task-type",
          "PEFT ignores the prompt of a config without \"\(key)\": the base model runs alone",
          key: key)
      ]
    }
    guard taskType == .questionAnswering || taskType == .featureExtraction else { return [] }
    return [
      Finding(
        .error, "unsupported-task-type",
        "PEFT cannot run multitask prompt tuning for the \"\(key)\" \(task): every forward fails",
        key: key)
    ]
  }

  private var sizeFindings: [Finding] {
    var findings: [Finding] = []
    var sizes = self
    if tokenDimension == nil {
      let key = MultitaskPromptTuningFields.tokenDimension.key
      findings.append(
        Finding(
          .warning, "token-dimension",
          "\"\(key)\" is not set, and PEFT takes it from the base model", key: key))
      sizes.tokenDimension = 1
    }
    // Sizes that are not set are findings about their keys.
    sizes.virtualTokenCount = virtualTokenCount ?? 1
    sizes.taskCount = taskCount ?? 1
    sizes.rank = rank ?? 1
    do throws(CheckpointError) {
      _ = try sizes.dimensions
    } catch {
      findings.append(Finding(.error, "dimensions", error.message))
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
      key: key,
      repairs: [
        .setKey(
          MultitaskPromptTuningFields.initialization.key,
          to: .string(PromptInitialization.random.rawValue)),
        .setKey(key, to: .null),
      ])
  }
}
