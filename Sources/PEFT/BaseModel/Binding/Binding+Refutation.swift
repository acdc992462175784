// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension Binding {
  /// The findings about an adapter by itself that the base model does not refute (spec/base-model.md,
  /// P25).
  ///
  /// Without a base model, it is unknown which modules it has, and which sizes.
  public func unrefuted(_ findings: [Finding]) -> [Finding] {
    guard knowsModules else { return findings }
    let loaded = Set(modules.lazy.filter { !$0.isSaved && $0.state == .bound }.flatMap(\.tensors))
    let fresh = Set(missing)
    return findings.filter { finding in
      switch finding.code {
      case "missing-module", "untargeted-module": false
      case "missing-tensor" where finding.severity == .error:
        finding.tensor.map { fresh.contains($0) || !isOfModule($0) } ?? !hasTokens
      case "shape-mismatch", "unexpected-tensor":
        finding.tensor.map { !loaded.contains($0) } ?? true
      default: true
      }
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
