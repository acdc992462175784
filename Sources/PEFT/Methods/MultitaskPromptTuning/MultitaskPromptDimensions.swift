// SPDX-License-Identifier: Apache-2.0
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

  /// Creates dimensions.
  public init(taskCount: Int, virtualTokenCount: Int, rank: Int, tokenDimension: Int) {
    self.taskCount = taskCount
    self.virtualTokenCount = virtualTokenCount
    self.rank = rank
    self.tokenDimension = tokenDimension
  }

  /// The shape of a tensor.
  public func shape(of tensor: MultitaskPromptTensor) -> Shape {
    switch tensor {
    case .columns: Shape([taskCount, virtualTokenCount, rank])
    case .rows: Shape([taskCount, rank, tokenDimension])
    case .embeddings: Shape([virtualTokenCount, tokenDimension])
    }
  }
}
