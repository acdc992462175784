// SPDX-License-Identifier: Apache-2.0

/// A mistake that explains why an update differs, as converters make them (spec/deltas.md, DC6).
public enum DeltaSlip: Sendable, Hashable {
  /// What a wrong scale is a power of.
  public enum ScaleKind: String, Sendable {
    case constant = "scale"
    case rank = "scale-by-rank"
    case rootOfRank = "scale-by-root-of-rank"
  }

  /// A factor of the update.
  public enum Factor: String, Sendable {
    case a = "A"
    case b = "B"
  }

  /// The second update is a multiple of the first.
  case scale(Double, ScaleKind)
  /// The elements of a factor are those of its transpose, in rows of the other length.
  case transposed(Factor)
  /// A is the other's B, and B the other's A.
  case exchangedFactors
  /// The rows of B are in the order of interleaved rotary weights of so many heads, on the side that is
  /// named by its number.
  case rotaryRows(heads: Int, side: Int)
  /// The rows of B were ordered for one number of heads, and ordered back for another.
  case rotaryHeads(Int, Int)
  /// The halves of the rows of B are exchanged: gate and up.
  case exchangedHalves
  /// The rows of B have another order.
  case rowOrder
  /// The columns of B, or the experts, have another order.
  case expertOrder
  /// The second update is the first one of another module.
  case otherModule(String)
  /// The second update is the first one of the same module so many layers on.
  case otherLayer(Int)

  /// The identifier in JSON.
  public var code: String {
    switch self {
    case .scale(_, let kind): kind.rawValue
    case .transposed(let factor): "transposed-" + factor.rawValue.lowercased()
    case .exchangedFactors: "exchanged-factors"
    case .rotaryRows: "rotary-rows"
    case .rotaryHeads: "rotary-heads"
    case .exchangedHalves: "exchanged-halves"
    case .rowOrder: "row-order"
    case .expertOrder: "expert-order"
    case .otherModule: "other-module"
    case .otherLayer: "other-layer"
    }
  }
}
