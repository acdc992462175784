// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension AdapterConfig {
  /// Findings about the config alone (spec/adapter_config.md, C20 to C29, C34).
  ///
  /// - Parameter options: what the config is checked against.
  public func findings(_ options: FindingOptions = FindingOptions()) -> [Finding] {
    findings(with: nil, options)
  }

  /// Findings about the config, and about the weights that go with it.
  func findings(with weights: (any TensorArchive)?, _ options: FindingOptions) -> [Finding] {
    var findings: [Finding] = []
    do throws(CheckpointError) {
      let method = try method
      if !method.type.isKnown {
        findings.append(
          Finding(
            .error, "unknown-peft-type",
            "unknown method \"\(method.type.rawValue)\": no release of PEFT up to 0.21.2 has it",
            key: "peft_type"))
      }
      findings += baseFindings + method.findings(about: self, weights: weights)
    } catch {
      findings.append(Finding(.error, "peft-type", error.message, key: "peft_type"))
      findings += baseFindings
    }
    return findings
  }

  private var baseFindings: [Finding] {
    var findings: [Finding] = []
    if case .string(let task)? = document["task_type"], TaskType(rawValue: task) == nil {
      let known = TaskType.allCases.map(\.rawValue).joined(separator: ", ")
      findings.append(
        Finding(
          .error, "unknown-task-type", "unknown task type \"\(task)\"; PEFT has \(known)",
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
}
