// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Tensors

extension ForeignWeights {
  /// What tensors were found in.
  public enum Place: Sendable {
    /// A checkpoint file by itself.
    case file
    /// The weights of an adapter directory.
    case adapter
    /// The weights of a model directory.
    case model
  }
}

extension TensorArchive {
  /// The findings about tensors with the names of an adapter, at most one (spec/adapter_config.md,
  /// C44): an error where the program that loads them from such a place ignores them, and a note
  /// about a file by itself.
  ///
  /// - Complexity: O(tensors).
  public func foreignFindings(in place: ForeignWeights.Place) -> [Finding] {
    guard let weights = ForeignWeights(self) else { return [] }
    let message = "the tensors are those of \(weights.name), such as \(weights.example)"
    switch place {
    case .file:
      return [Finding(.note, "foreign-weights", "\(message); \(weights.advice)")]
    case .model:
      return [
        Finding(
          .error, "foreign-weights",
          "\(message), which transformers ignores when it loads a model; \(weights.advice)",
          tensor: weights.example)
      ]
    case .adapter:
      guard !weights.isPEFT else { return [] }
      return [
        Finding(
          .error, "foreign-weights", "\(message), and PEFT ignores them; \(weights.advice)",
          tensor: weights.example)
      ]
    }
  }
}
