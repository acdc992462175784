// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// Trainable tokens: new embeddings for a few tokens.
public struct TrainableTokensMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "TRAINABLE_TOKENS") }
  public var adaptsTiedModules: Bool { true }
  public var parameterPrefix: String { "trainable_tokens_" }
  public var summaryKeys: [SummaryKey] { [SummaryKey("token_indices", counting: "token")] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    // A config without the key trains no tokens.
    let isSet = config.document["token_indices"] != nil
    let count = Extent("token_indices", value: isSet ? config.count("token_indices") : 0)
    let name = "trainable_tokens_delta"
    return [
      ModuleForm(.embedding, tensors: [.init(name, [count, "out"])]),
      ModuleForm(.linear, tensors: [.init(name, [count, "in"])]),
    ]
  }
}
