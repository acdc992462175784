// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A module of a base model, as far as names and shapes of tensors tell it.
public struct BaseModule: Sendable {
  /// The kind of a module.
  public enum Kind: Sendable, Hashable {
    /// A `Linear`: the weight is [out, in].
    case linear
    /// transformers' `Conv1D`, a linear layer whose weight is [in, out].
    case transposedLinear
    /// An `Embedding`.
    case embedding
    /// A convolution of some spatial dimensions.
    case convolution(Int)
    /// A transposed convolution.
    case transposedConvolution
    /// A normalization layer.
    case normalization
    /// A `MultiheadAttention`.
    case attention
    /// A module with parameters of its own, such as stacked experts or a router.
    case other
    /// Stacked experts whose weights are [experts, in, out], not [experts, out, in].
    case transposedExperts
    /// A module that only contains others.
    case container

    init?(letter: Substring) {
      switch letter {
      case "L": self = .linear
      case "T": self = .transposedLinear
      case "E": self = .embedding
      case "1", "2", "3": self = .convolution(Int(letter) ?? 0)
      case "t": self = .transposedConvolution
      case "n": self = .normalization
      case "a": self = .attention
      case "o": self = .other
      case "x": self = .transposedExperts
      default: return nil
      }
    }
  }

  /// A parameter or a buffer of a module.
  public struct Parameter: Sendable {
    /// The name in the module.
    public let name: String
    /// The shape; nil if the files do not tell it.
    public let shape: Shape?
    /// Where the elements are in the files; empty for a parameter that they lack, and where its place is
    /// not described.
    package var parts: [StoredPart] = []
  }

  /// The path of the module in the model.
  public internal(set) var name: String
  /// The kind.
  public internal(set) var kind: Kind
  /// The parameters and buffers of the module itself.
  public internal(set) var parameters: [Parameter]
  /// Whether the files have its weights; without, it is tied to another module, or new.
  public let isInFiles: Bool
  /// Whether its weights are quantized, in a way that hides their shape.
  public internal(set) var isPacked = false

  /// The shape of a parameter, if it is known.
  public func shape(of parameter: String) -> Shape? {
    parameters.first { $0.name == parameter }?.shape
  }
}

extension BaseModule {
  /// The kind of layer, as far as adapters differ by it; nil for kinds that only some methods adapt
  /// whole, or not at all.
  var layerKind: LayerKind? {
    switch kind {
    case .linear, .transposedLinear: .linear
    case .embedding: .embedding
    case .convolution(let count): .convolution(count)
    case .attention: .attention
    case .normalization: .normalization
    case .container: .block
    case .transposedConvolution, .other, .transposedExperts: nil
    }
  }

  /// The sizes of the layer, by their symbols in the shapes of adapters: `in`, `out`, `vocab`, and
  /// the kernel. Those that the files do not tell are missing, such as the input channels of a
  /// convolution, which may have groups; `in / groups` is their number in one group. `bias` is 1 for a
  /// linear layer that has one, else 0.
  var sizes: [(symbol: String, value: Int)] {
    guard let shape = shape(of: kind == .attention ? "in_proj_weight" : "weight") else { return [] }
    let extents = shape.dimensions.map { Int(exactly: $0) ?? 0 }
    let bias = ("bias", parameters.contains { $0.name == "bias" } ? 1 : 0)
    switch kind {
    case .attention where extents.count == 2: return [("out", extents[0]), ("in", extents[1])]
    case .linear where extents.count == 2: return [("out", extents[0]), ("in", extents[1]), bias]
    case .transposedLinear where extents.count == 2:
      return [("in", extents[0]), ("out", extents[1]), bias]
    case .embedding where extents.count == 2:
      return [("vocab", extents[0]), ("out", extents[1])]
    case .convolution(let count) where extents.count == count + 2:
      return [("out", extents[0]), ("in / groups", extents[1])]
        + zip(["k", "k'", "k''"], extents.dropFirst(2)).map { ($0, $1) }
    case .normalization where extents.count == 1:
      return [("in", extents[0]), ("out", extents[0])]
    default: return []
    }
  }

  /// The sizes of a parameter that is adapted by itself: a matrix, or one for each expert.
  ///
  /// - Parameter layout: how the reading release lays out the factors.
  func sizes(
    ofParameter name: String, layout: ParameterLayout
  ) -> [(symbol: String, value: Int)] {
    guard let shape = shape(of: name) else { return [] }
    let extents = shape.dimensions.map { Int(exactly: $0) ?? 0 }
    switch extents.count {
    case 2: return [("experts", 1), ("out", extents[0]), ("in", extents[1])]
    case 3 where layout.startsWithSecondExtent(isTransposed: kind == .transposedExperts):
      return [("experts", extents[0]), ("in", extents[1]), ("out", extents[2])]
    case 3: return [("experts", extents[0]), ("out", extents[1]), ("in", extents[2])]
    default: return []
    }
  }
}
