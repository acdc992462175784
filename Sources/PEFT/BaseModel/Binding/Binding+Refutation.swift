// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension Binding {
  /// All findings about an adapter: those about the adapter by itself that the base model does not
  /// refute, and those that the base model shows (spec/base-model.md, P25 and P31).
  ///
  /// Without a base model, it is unknown which modules it has, and which sizes.
  public func combined(with findings: [Finding]) -> [Finding] {
    let remaining = unrefuted(findings)
    let known = Set(remaining.map { [$0.code.rawValue, $0.tensor?.string ?? $0.message] })
    let combined =
      remaining
      + self.findings.filter {
        !known.contains([$0.code.rawValue, $0.tensor?.string ?? $0.message])
      }
    return remedy.map { explain(combined, with: $0) } ?? combined
  }

  private func unrefuted(_ findings: [Finding]) -> [Finding] {
    guard knowsModules else {
      return findings.filter { finding in
        finding.code != "shape-mismatch" || finding.tensor.map { !fitting.contains($0) } ?? true
      }
    }
    let loaded = Set(bound)
    let fresh = Set(missing)
    return findings.filter { finding in
      switch finding.code {
      case "missing-module", "untargeted-module", "parameter-layout": false
      case "unmatched-target": finding.key != "target_parameters"
      case "missing-tensor" where finding.severity == .error:
        finding.tensor.map { fresh.contains($0) || !isOfModule($0) } ?? !hasTokens
      case "shape-mismatch": finding.tensor.map { !fitting.contains($0) } ?? true
      case "unexpected-tensor": finding.tensor.map { !fitting.contains($0) } ?? true
      // Other releases and runtimes do not find what this one does.
      case "misnamed-tensor" where finding.severity == .warning: true
      case "misnamed-tensor":
        finding.tensor.map { !loaded.contains($0) } ?? true
          || finding.renames.contains { fresh.contains($0.to) }
      default: true
      }
    }
  }

  /// Adds the key to blame to findings about tensors and targets, and what helps to the first of them.
  private func explain(_ findings: [Finding], with trial: ConfigTrial) -> [Finding] {
    let codes: Set<Finding.Code> = [
      "missing-tensor", "unexpected-tensor", "shape-mismatch", "no-target", "unsupported-layer",
    ]
    var isFirst = true
    return findings.map { finding in
      guard finding.severity == .error, codes.contains(finding.code) else { return finding }
      defer { isFirst = false }
      return Finding(
        finding.severity, finding.code, finding.message + (isFirst ? trial.advice : ""),
        key: finding.key == nil || finding.key == "target_modules" ? trial.key : finding.key,
        tensor: finding.tensor, repairs: finding.repairs)
    }
  }

  /// Whether a tensor is named like one of a module, rather than of a prompt.
  private func isOfModule(_ name: TensorName) -> Bool {
    name.string.hasPrefix(AdapterConfig.baseModelPrefix)
  }

  /// Whether rows of trained tokens were looked for.
  private var hasTokens: Bool {
    bound.contains { $0.string.hasSuffix(".token_adapter.trainable_tokens_delta") }
  }
}
