// SPDX-License-Identifier: Apache-2.0

/// A number of about 104 significant bits with an unlimited exponent: two F64 numbers that do not
/// overlap, times a power of two.
///
/// The relative error of products is below 2^-100; that of sums is below 2^-100 of the larger operand.
struct WideFloat {
  /// (high + low) * 2^exponent, with |high| in 1..<2, or zero.
  private var high: Double
  private var low: Double
  private var exponent: Int

  static let zero = WideFloat(0)

  /// The same value, which must be finite.
  init(_ value: Double) {
    self.init(high: value, low: 0, exponent: 0)
  }

  /// 2 to a power.
  static func power(_ exponent: Int) -> WideFloat {
    WideFloat(high: 1, low: 0, exponent: exponent)
  }

  private init(high: Double, low: Double, exponent: Int) {
    guard high != 0 else {
      (self.high, self.low, self.exponent) = (0, 0, 0)
      return
    }
    let shift = Int(high.exponent)
    self.high = Self.scale(high, by: -shift)
    self.low = Self.scale(low, by: -shift)
    self.exponent = exponent + shift
  }

  var isNegative: Bool { high < 0 }
  var isZero: Bool { high == 0 }
  var magnitude: WideFloat { isNegative ? -self : self }

  /// The nearest F64, an infinity or zero when out of range.
  var double: Double {
    // Steps, so that a result in range does not pass through infinity; zero twice is harmless.
    let clamped = min(max(exponent, -1200), 1200)
    return Double(sign: .plus, exponent: clamped, significand: high + low)
  }

  static prefix func - (value: Self) -> Self {
    var negated = value
    negated.high = -value.high
    negated.low = -value.low
    return negated
  }

  static func * (left: Self, right: Self) -> Self {
    let product = left.high * right.high
    var error = (-product).addingProduct(left.high, right.high)
    error += left.high * right.low + left.low * right.high
    let sum = product + error
    return Self(
      high: sum, low: error - (sum - product), exponent: left.exponent + right.exponent)
  }

  static func + (left: Self, right: Self) -> Self {
    if left.isZero { return right }
    if right.isZero { return left }
    if left.exponent < right.exponent { return right + left }
    let shift = right.exponent - left.exponent
    // So small against the other that it only tips the last bit.
    guard shift > -300 else { return left }
    let small = scale(right.high, by: shift)
    let smallLow = scale(right.low, by: shift)
    let (high, highError) = exactSum(left.high, small)
    let (low, lowError) = exactSum(left.low, smallLow)
    let (middle, middleError) = exactSum(high, highError + low)
    let (top, bottom) = exactSum(middle, middleError + lowError)
    return Self(high: top, low: bottom, exponent: left.exponent)
  }

  static func - (left: Self, right: Self) -> Self { left + -right }

  static func < (left: Self, right: Self) -> Bool { (left - right).isNegative }
  static func <= (left: Self, right: Self) -> Bool { !(right < left) }

  /// The quotient as an F64, for reports.
  static func ratio(_ left: Self, _ right: Self) -> Double {
    let shift = min(max(left.exponent - right.exponent, -1200), 1200)
    return Double(
      sign: .plus, exponent: shift,
      significand: (left.high + left.low) / (right.high + right.low))
  }

  /// value * 2^exponent, by one multiplication where the power is a normal number.
  private static func scale(_ value: Double, by exponent: Int) -> Double {
    guard -1022...1023 ~= exponent else {
      return Double(sign: .plus, exponent: exponent, significand: value)
    }
    return value * Double(bitPattern: UInt64(1023 + exponent) << 52)
  }

  /// The rounded sum, and its exact rounding error.
  private static func exactSum(_ left: Double, _ right: Double) -> (sum: Double, error: Double) {
    let sum = left + right
    let part = sum - left
    return (sum, (left - (sum - part)) + (right - part))
  }
}
