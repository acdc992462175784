// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The tensors of a multitask prompt tuning adapter, by their names in the file.
public enum MultitaskPromptTensor: String, Sendable, CaseIterable {
  /// `prefix_task_cols` [K, V, R].
  case columns = "prefix_task_cols"
  /// `prefix_task_rows` [K, R, D].
  case rows = "prefix_task_rows"
  /// `prompt_embeddings` [V, D]; `embedding.weight` in the module.
  case embeddings = "prompt_embeddings"

  /// The name in the file.
  public var name: TensorName { TensorName(rawValue) }
}

extension MultitaskPromptTensor {
  /// The tensor as a config calls for it (spec/multitask-prompt-tuning.md, M1).
  func expected(by config: MultitaskPromptTuningConfig?) -> ExpectedTensor {
    typealias Fields = MultitaskPromptTuningFields
    func extent(_ field: ConfigField<Int?>) -> Extent {
      Extent(field.key, value: config?[field].flatMap { $0 >= 1 ? $0 : nil })
    }
    let tokens = Extent(
      "num_virtual_tokens × num_transformer_submodules", value: config?.totalTokenCount)
    switch self {
    case .columns:
      return ExpectedTensor(
        name, parameterName: rawValue,
        shape: [extent(Fields.taskCount), tokens, extent(Fields.rank)])
    case .rows:
      return ExpectedTensor(
        name, parameterName: rawValue,
        shape: [extent(Fields.taskCount), extent(Fields.rank), extent(Fields.tokenDimension)])
    case .embeddings:
      return ExpectedTensor(
        name, parameterName: "embedding.weight", shape: [tokens, extent(Fields.tokenDimension)])
    }
  }
}
