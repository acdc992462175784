// SPDX-License-Identifier: Apache-2.0

/// Whose roundings a merge has (spec/merging.md, MG2).
public enum MergeStyle: String, CaseIterable, Sendable {
  /// One rounding of the sum of a weight and its change.
  case once
  /// Those of PEFT's `merge_and_unload()`.
  case plain
  /// Those of PEFT's `merge_and_unload(safe_merge=True)`.
  case safe

  /// What a change of a weight is, as far as PEFT rounds it differently.
  enum Layer {
    /// LoRA of a linear layer or a convolution.
    case layer
    /// LoRA of an embedding or a parameter, and MiCA.
    case other
    /// Every other method, DoRA, and biases.
    case whole
  }

  /// Where the change of a weight is rounded.
  func rounding(of layer: Layer) -> MergedChange.Rounding {
    switch (self, layer) {
    case (.once, _), (_, .whole), (.plain, .layer): .once
    case (_, .other), (.safe, .layer): .deltaFirst
    }
  }
}
