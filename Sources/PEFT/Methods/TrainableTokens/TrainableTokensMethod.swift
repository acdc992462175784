// SPDX-License-Identifier: Apache-2.0

/// Trainable tokens: new embeddings for a few tokens.
public struct TrainableTokensMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "TRAINABLE_TOKENS") }
  public var adaptsTiedModules: Bool { true }
  public var parameterPrefix: String { "trainable_tokens_" }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let count = Extent("token_indices", value: config.count("token_indices"))
    let name = "trainable_tokens_delta"
    return [
      ModuleForm(.embedding, tensors: [.init(name, [count, "out"])]),
      ModuleForm(.linear, tensors: [.init(name, [count, "in"])]),
    ]
  }
}
