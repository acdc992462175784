// SPDX-License-Identifier: Apache-2.0
public import PEFT

/// The low-rank update of one module, Δ = s · B · A, in canonical form (spec/low-rank.md, U23).
public struct LowRankModule: Sendable {
  /// What kind of weight is changed.
  public enum Kind: Sendable, Hashable {
    /// A weight [out, in], or [in, out] of transformers' `Conv1D`.
    case linear
    /// A weight [out, in, kernel…].
    case convolution(kernel: [Int])
    /// A weight [vocab, dim], to which (s · B · A)ᵀ is added.
    case embedding
    /// A parameter [experts, out, in] of stacked experts, or [experts, in, out] if transposed.
    case experts(count: Int, isTransposed: Bool)
  }

  /// The name in the base model: that of the module, or of a parameter of stacked experts.
  public var name: String
  /// The kind of weight.
  public var kind: Kind
  /// A: [r, in], [r, in, kernel…], [r, vocab] or [experts, r, in].
  public var a: FactorView
  /// B: [out, r], [out, r, 1…], [dim, r] or [experts, out, r].
  public var b: FactorView
  /// The rank r, α and the effective scale s.
  public var scale: LoRAScale
  /// DoRA's magnitudes, [out]; [dim] of an embedding.
  public var magnitude: FactorView?
  /// What is added to the bias after it is multiplied by s, [out].
  public var bias: FactorView?

  /// Describes an update.
  public init(
    name: String, kind: Kind, a: FactorView, b: FactorView, scale: LoRAScale,
    magnitude: FactorView? = nil, bias: FactorView? = nil
  ) {
    self.name = name
    self.kind = kind
    self.a = a
    self.b = b
    self.scale = scale
    self.magnitude = magnitude
    self.bias = bias
  }

  /// Whether nothing but s · B · A counts, so that B may carry s, and ranks may be padded.
  public var isPlain: Bool { magnitude == nil && bias == nil }
}
