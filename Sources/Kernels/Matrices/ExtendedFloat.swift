// SPDX-License-Identifier: Apache-2.0

/// A number in two F64 numbers, of which the lower one holds rounding errors.
///
/// The operations are those of `ck_product`, step by step, so that both give the same bits.
struct ExtendedFloat {
  var high: Double
  var low: Double

  init(_ high: Double, _ low: Double = 0) {
    self.high = high
    self.low = low
  }

  /// Adds a product.
  mutating func add(_ left: Self, times right: Self) {
    let term = left.high * right.high
    let sum = high + term
    let rest = left.high * right.low + left.low * right.high
    let error = (-term).addingProduct(left.high, right.high)
    low += (error + rest) + Self.sumError(high, term, sum)
    high = sum
  }

  /// Moves what the lower number holds beyond half a unit of the higher one.
  mutating func normalize() {
    let sum = high + low
    low = Self.sumError(high, low, sum)
    high = sum
  }

  static func * (left: Self, right: Self) -> Self {
    var product = Self(0)
    product.add(left, times: right)
    product.normalize()
    return product
  }

  static func + (left: Self, right: Self) -> Self {
    let high = left.high + right.high
    var sum = Self(high, Self.sumError(left.high, right.high, high) + (left.low + right.low))
    sum.normalize()
    return sum
  }

  /// left + right − sum, exactly.
  private static func sumError(_ left: Double, _ right: Double, _ sum: Double) -> Double {
    let part = sum - left
    return (left - (sum - part)) + (right - part)
  }
}
