// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// What rounding left of changes of elements: sums over the elements, by column modulo 16 so that their
/// bits do not depend on the vector size.
package struct UpdateSums: Sendable, Hashable {
  /// The number of lanes.
  static let laneCount = 16

  /// The sums of the squares of the changes, of the squares of the differences of the elements after and
  /// before, and of the products of both.
  var changes = [Double](repeating: 0, count: Self.laneCount)
  var added = [Double](repeating: 0, count: Self.laneCount)
  var products = [Double](repeating: 0, count: Self.laneCount)
  /// The number of elements with another value than before.
  package internal(set) var changedCount = 0

  /// The sums of no elements.
  package init() {}

  init(_ sums: borrowing ck_update_sums) {
    for lane in 0..<Self.laneCount {
      changes[lane] = Self.element(lane, of: sums.changes)
      added[lane] = Self.element(lane, of: sums.added)
      products[lane] = Self.element(lane, of: sums.products)
    }
    changedCount = sums.changed
  }

  private typealias Lanes = (
    Double, Double, Double, Double, Double, Double, Double, Double,
    Double, Double, Double, Double, Double, Double, Double, Double
  )

  private static func element(_ index: Int, of lanes: Lanes) -> Double {
    // SAFETY: sixteen numbers without padding, and the index is one of sixteen.
    unsafe withUnsafeBytes(of: lanes) { unsafe $0.load(fromByteOffset: index * 8, as: Double.self) }
  }

  /// Σ Δ².
  package var changeSquares: Double { Self.total(changes) }
  /// Σ added².
  package var addedSquares: Double { Self.total(added) }
  /// Σ Δ · added.
  package var product: Double { Self.total(products) }

  /// Whether all sums are finite; then so are all elements.
  package var areFinite: Bool {
    changeSquares.isFinite && addedSquares.isFinite && product.isFinite
  }

  private static func total(_ lanes: [Double]) -> Double { lanes.reduce(0, +) }

  /// Adds the sums of the elements that follow.
  package static func += (left: inout Self, right: Self) {
    for lane in 0..<Self.laneCount {
      left.changes[lane] += right.changes[lane]
      left.added[lane] += right.added[lane]
      left.products[lane] += right.products[lane]
    }
    left.changedCount += right.changedCount
  }
}
