// SPDX-License-Identifier: Apache-2.0

/// How much of a change is left after rounding: Δ is what was to be added, and the added is the
/// difference of the elements before and after.
public struct Survival: Sendable, Hashable {
  /// Σ Δ².
  public var deltaSquares = 0.0
  /// Σ added².
  public var addedSquares = 0.0
  /// Σ Δ · added.
  public var product = 0.0
  /// The number of elements with another value than before.
  public var changedCount = 0
  /// The number of elements.
  public var elementCount = 0

  /// The survival of nothing.
  public init() {}

  /// ‖added‖ / ‖Δ‖; nil where Δ is zero or not finite.
  public var share: Double? {
    guard deltaSquares > 0, deltaSquares.isFinite, addedSquares.isFinite else { return nil }
    return (addedSquares / deltaSquares).squareRoot()
  }

  /// The cosine of the angle between both; nil where one of them is zero or not finite.
  public var cosine: Double? {
    let norms = (addedSquares * deltaSquares).squareRoot()
    guard norms > 0, norms.isFinite, product.isFinite else { return nil }
    return max(-1, min(1, product / norms))
  }

  /// The share of elements with another value than before; 0 without elements.
  public var changedShare: Double {
    elementCount > 0 ? Double(changedCount) / Double(elementCount) : 0
  }

  /// Adds the survival of other elements.
  public static func += (left: inout Self, right: Self) {
    left.deltaSquares += right.deltaSquares
    left.addedSquares += right.addedSquares
    left.product += right.product
    left.changedCount += right.changedCount
    left.elementCount += right.elementCount
  }
}

/// What became of a change of a region, once its tensor was written.
public struct ChangeOutcome: Sendable {
  /// The number of the tensor among those that are merged.
  public let tensor: Int
  /// The region of the tensor, an index of its regions.
  public let region: Int
  /// The number of the adapter.
  public let adapter: Int
  /// The module.
  public let module: String
  /// How much of the change is left; nil for rows that are replaced.
  public let survival: Survival?
  /// Whether some elements of the result are NaN or infinite.
  public let isFinite: Bool
}
