// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// The tokens whose rows of embeddings a config trains, `trainable_token_indices`.
package struct TrainedTokens: Sendable {
  static let key = "trainable_token_indices"

  /// The tokens of one embedding.
  package struct Group: Sendable {
    /// The embedding, as the end of its path; nil for the input embedding, whatever its name.
    let name: String?
    /// The tokens; nil where the config has no list.
    let indices: [JSONValue]?

    /// The tokens that are whole numbers.
    package var tokens: [Int] { (indices ?? []).compactMap(\.integer) }

    /// Whether a module is the embedding, as far as its path tells.
    package func isAbout(_ module: String) -> Bool {
      name.map { module == $0 || module.hasSuffix("." + $0) } ?? true
    }
  }

  /// The embeddings in the order of the config.
  package let groups: [Group]

  /// Reads a config; a value that is neither a list nor an object names no tokens.
  package init(_ config: AdapterConfig) {
    groups =
      switch config.document[Self.key] {
      case .array(let indices)?: [Group(name: nil, indices: indices)]
      case .object(let object)?:
        object.map { Group(name: $0.key, indices: $0.value.array) }
      default: []
      }
  }
}
