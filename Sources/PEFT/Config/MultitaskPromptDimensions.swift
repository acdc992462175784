public import Tensors

/// The sizes of a `MultitaskPromptEmbedding`, each at least 1.
public struct MultitaskPromptDimensions: Sendable, Hashable {
  /// K, `num_tasks`.
  public let taskCount: Int
  /// V, `num_virtual_tokens` times the submodules: the rows of the prompt.
  public let virtualTokenCount: Int
  /// R, `num_ranks`.
  public let rank: Int
  /// D, `token_dim`.
  public let tokenDimension: Int

  /// Names sizes.
  public init(taskCount: Int, virtualTokenCount: Int, rank: Int, tokenDimension: Int) {
    self.taskCount = taskCount
    self.virtualTokenCount = virtualTokenCount
    self.rank = rank
    self.tokenDimension = tokenDimension
  }

  /// The shape that a tensor must have, with where it comes from, for messages.
  public func shape(of tensor: MultitaskPromptTensor) -> (shape: Shape, origin: String) {
    switch tensor {
    case .columns:
      (
        Shape([taskCount, virtualTokenCount, rank]),
        "[num_tasks, num_virtual_tokens × submodules, num_ranks]"
      )
    case .rows:
      (Shape([taskCount, rank, tokenDimension]), "[num_tasks, num_ranks, token_dim]")
    case .embeddings:
      (
        Shape([virtualTokenCount, tokenDimension]),
        "[num_virtual_tokens × submodules, token_dim]"
      )
    }
  }
}

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
