// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Tensors

extension MultitaskPromptTuningMethod {
  /// Findings about dtypes, other tensors and heads (spec/multitask-prompt-tuning.md, M6 and M7).
  public func weightFindings(
    of weights: any TensorArchive, for config: MultitaskPromptTuningConfig?
  ) -> [Finding] {
    dtypeFindings(of: weights) + otherFindings(of: weights, for: config)
      + headFindings(of: weights, for: config)
  }

  private func dtypeFindings(of weights: any TensorArchive) -> [Finding] {
    let present = MultitaskPromptTensor.allCases.compactMap { tensor in
      weights.index(of: tensor.name).map { weights.tensor(at: $0) }
    }
    let floating: Set<DType> = [.float32, .float64, .bfloat16, .float16]
    if let other = present.first(where: { !floating.contains($0.dtype) }) {
      return [
        Finding(
          .error, "unsupported-dtype",
          "\(other.name) has the dtype \(other.dtype), not F64, F32, BF16 or F16",
          tensor: other.name)
      ]
    }
    guard Set(present.map(\.dtype)).count > 1 else { return [] }
    let dtypes = present.map { "\($0.name) is \($0.dtype)" }.joined(separator: ", ")
    return [Finding(.warning, "dtype-mismatch", "the tensors differ in dtype: \(dtypes)")]
  }

  /// Findings about the tensors that belong neither to the method nor to a saved module.
  private func otherFindings(
    of weights: any TensorArchive, for config: MultitaskPromptTuningConfig?
  ) -> [Finding] {
    let modules = SavedModules(config?.savedModules ?? [])
    let expected = expectedTensors(for: config)
    let renamed = expected.findings(in: weights).flatMap { $0.renames.map(\.from) }
    let own = Set(expected.map(\.name) + renamed)
    let width = config?.tokenDimension ?? weights.promptWidth
    let embeddings = width.map { SavedEmbeddings(in: weights, width: $0) }
    let others = weights.tensors.filter { !own.contains($0.name) && !modules.contains($0.name) }
    return others.compactMap { tensor in
      if let embeddings, embeddings.contains(tensor.name) {
        return embeddings.finding(about: tensor)
      }
      return Finding(
        .warning, "unexpected-tensor",
        "\(tensor.name) belongs neither to the method nor to a module of \"modules_to_save\"",
        tensor: tensor.name)
    }
  }

  /// A finding about a missing head.
  ///
  /// The modules of the base model are unknown here; it usually has one of the heads of its task.
  /// Where it has not, the user may have named its own head in `modules_to_save`.
  private func headFindings(
    of weights: any TensorArchive, for config: MultitaskPromptTuningConfig?
  ) -> [Finding] {
    guard let config, let task = config.taskType, !task.headModules.isEmpty else { return [] }
    let modules = SavedModules(config.savedModules)
    let hasHead = (0..<weights.tensorCount).contains {
      let name = weights.tensor(at: $0).name
      return name.string.hasPrefix(AdapterConfig.baseModelPrefix) && modules.contains(name)
    }
    guard !hasHead else { return [] }
    let names = task.headModules.map { AdapterConfig.baseModelPrefix + $0 }
      .joined(separator: " or ")
    return [
      Finding(
        .warning, "missing-module",
        "the weights have no tensor of \(names), the head for \(task.rawValue): PEFT raises "
          + "KeyError if the base model has one, and otherwise leaves the head untrained")
    ]
  }
}

extension MultitaskPromptTuningConfig {
  /// Findings about the weights of an adapter with this config (spec/multitask-prompt-tuning.md, M4
  /// to M7).
  ///
  /// - Complexity: O(tensors); no tensor data is read.
  public func weightFindings(in weights: any TensorArchive) -> [Finding] {
    MultitaskPromptTuningMethod().weightFindings(in: weights, for: self)
  }

  /// The modules besides the method's tensors whose weights the adapter contains.
  fileprivate var savedModules: [String] {
    // The types of both fields were checked when the config was read.
    (try? adapterConfig.savedModules) ?? []
  }
}
