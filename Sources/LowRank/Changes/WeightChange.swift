// SPDX-License-Identifier: Apache-2.0
public import Kernels

/// What an adapter does to one weight of the base model: the canonical form of every method
/// (spec/low-rank.md, U1 to U9).
///
/// A weight is seen as a matrix of the rows and columns of the change; both are row-major, so that
/// an element has the same place in either.
public enum WeightChange: Sendable {
  /// W + Δ.
  case addition(MatrixExpression)
  /// m · (W + Δ) / ‖W + Δ‖, with a norm and a magnitude for each index of an axis (DoRA).
  case normalization(MatrixExpression, magnitudes: [Double], WeightAxis)
  /// W times a factor for each index of an axis (IA3).
  case scaling([Double], WeightAxis)
  /// W + W·B + B, with a square block B for as many rows of W, and for each such block of columns
  /// (MiSS in its variant bat).
  case blocks([BoundedMatrix])

  /// Whether the result depends on W by more than a sum, so that there is no Δ.
  public var needsBase: Bool {
    if case .addition = self { false } else { true }
  }
}

/// An axis of a weight, as a rule that gives the index of an element.
public struct WeightAxis: Sendable, Hashable {
  /// The distance of neighbours along the axis, in elements; at least 1.
  public let stride: Int
  /// The extent of the axis; at least 1.
  public let count: Int

  /// Describes an axis.
  public init(stride: Int, count: Int) {
    self.stride = stride
    self.count = count
  }

  /// The index of an element along the axis.
  func index(of element: Int) -> Int { element / stride % count }
}
