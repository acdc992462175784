// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// The update of one module as MLX has it: a pair of factors, or one for each expert.
struct MLXUpdate {
  /// What kind of module is changed.
  enum Kind: Equatable {
    /// A `Linear` or an `Embedding`.
    case single
    /// A `SwitchLinear` of so many experts.
    case experts(Int)
  }

  /// The factors of the module, of one of its experts, or of all.
  struct Part {
    /// A and B as those of `LowRankModule`.
    let a: FactorView
    let b: FactorView
    let scale: LoRAScale
    /// The first expert that the factors are of.
    var expert = 0
  }

  /// The name in the model of mlx-lm.
  let name: String
  let kind: Kind
  /// One part; of experts with separate factors one for each.
  var parts: [Part]
  /// DoRA's magnitudes.
  var magnitude: FactorView?

  /// The largest rank.
  var rank: Int { parts.map(\.scale.rank).max() ?? 0 }
}

extension MLXUpdate {
  /// The tensors: `lora_a`, `lora_b`, and `m` for DoRA (spec/mlx.md, MX3).
  ///
  /// - Parameters:
  ///   - rank: the rank of the file; smaller ones are padded with zeros.
  ///   - foldsScale: whether `lora_b` carries the scale.
  ///   - dtype: the dtype to write; nil for that of the source.
  func tensors(rank: Int, foldsScale: Bool, dtype: DType?) -> [ComposedTensor] {
    let a = parts[0].a.sizes
    let b = parts[0].b.sizes
    func factor(_ part: Part) -> Double { foldsScale ? part.scale.scale : 1 }
    var tensors: [ComposedTensor]
    switch kind {
    case .single:
      tensors = [
        ComposedTensor(
          name + ".lora_a", dtype: dtype ?? Self.dtype(parts.map(\.a)), shape: [a[1], rank],
          pieces: parts.map { .init($0.a.transposed()) }),
        ComposedTensor(
          name + ".lora_b", dtype: dtype ?? Self.dtype(parts.map(\.b)), shape: [rank, b[0]],
          pieces: parts.map { .init($0.b.transposed(), factor: factor($0)) }),
      ]
    case .experts(let count):
      tensors = [
        ComposedTensor(
          name + ".lora_a", dtype: dtype ?? Self.dtype(parts.map(\.a)),
          shape: [count, rank, a[2]],
          pieces: parts.map { .init($0.a, at: [$0.expert, 0, 0]) }),
        ComposedTensor(
          name + ".lora_b", dtype: dtype ?? Self.dtype(parts.map(\.b)),
          shape: [count, b[1], rank],
          pieces: parts.map { .init($0.b, at: [$0.expert, 0, 0], factor: factor($0)) }),
      ]
    }
    if let magnitude { tensors.append(ComposedTensor(name + ".m", magnitude, dtype: dtype)) }
    return tensors
  }

  /// The dtype of all views; F32 where they differ.
  private static func dtype(_ views: [FactorView]) -> DType {
    let first = views[0].dtype
    return views.allSatisfy { $0.dtype == first } ? first : .float32
  }
}
