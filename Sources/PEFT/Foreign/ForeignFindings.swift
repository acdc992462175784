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
    describedFindings(in: place) + (place == .file ? halfPairFindings : [])
  }

  private func describedFindings(in place: ForeignWeights.Place) -> [Finding] {
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

  /// A finding about factors without the other one, in the names of llama.cpp, mlx-lm and kohya. PEFT's are
  /// compared with the config.
  private var halfPairFindings: [Finding] {
    let endings = [(".lora_a", ".lora_b"), (".lora_down.weight", ".lora_up.weight")]
    var missing: [(name: String, of: TensorName)] = []
    var count = 0
    for index in 0..<tensorCount {
      let name = tensor(at: index).name
      for (first, second) in endings {
        for (own, other) in [(first, second), (second, first)] where name.string.hasSuffix(own) {
          count += 1
          let partner = String(name.string.dropLast(own.count)) + other
          if self.index(of: TensorName(partner)) == nil { missing.append((partner, name)) }
        }
      }
    }
    // Those of an adapter are most of its tensors.
    guard let half = missing.first, 2 * count >= tensorCount else { return [] }
    let others = missing.count - 1
    let more = others == 0 ? "" : ", and \(others.counted("other factor")) alike"
    return [
      Finding(
        .error, "missing-tensor",
        "the weights have no \(half.name), the other factor of \(half.of)\(more): llama.cpp refuses such an "
          + "adapter, other programs leave the module as it is", tensor: TensorName(half.name))
    ]
  }
}
