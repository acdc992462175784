// SPDX-License-Identifier: Apache-2.0

/// Normally distributed numbers from a seed: the same bits on every machine.
///
/// xoshiro256\*\* makes the words and the polar method the numbers, with a logarithm of our own:
/// all of it integers and `+ − × ÷ √` in F64, which IEEE 754 rounds one way only.
/// spec/mpt-operations.md, O1 to O5, gives every step, so that other programs can draw the same
/// numbers.
public struct SeededNormalGenerator: Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)
  private var kept: Double?

  /// Starts a stream. The streams of one seed are independent.
  public init(seed: UInt64, stream: UInt64 = 0) {
    // SplitMix64 has a counter as its state: each stream starts four words after the previous one.
    var counter = seed &+ stream &* 4 &* Self.goldenGamma
    func word() -> UInt64 {
      counter &+= Self.goldenGamma
      var word = counter
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
    state = (word(), word(), word(), word())
  }

  private static let goldenGamma: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// The next number of N(0, 1).
  public mutating func next() -> Double {
    if let number = kept {
      kept = nil
      return number
    }
    while true {
      let (x, y) = (coordinate(), coordinate())
      let square = x * x + y * y
      guard square > 0, square < 1 else { continue }
      let factor = (-2 * Self.logarithm(square) / square).squareRoot()
      kept = y * factor
      return x * factor
    }
  }

  /// The next multiple of 2^-52 in -1 ..< 1.
  private mutating func coordinate() -> Double {
    Double(word() >> 11) * 0x1p-52 - 1
  }

  private mutating func word() -> UInt64 {
    func rotated(_ word: UInt64, by count: UInt64) -> UInt64 {
      word << count | word >> (64 - count)
    }
    let result = rotated(state.1 &* 5, by: 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotated(state.3, by: 45)
    return result
  }

  /// The natural logarithm of a normal number, within a few units of the last place.
  static func logarithm(_ value: Double) -> Double {
    var (fraction, exponent) = (value.significand, Double(value.exponent))
    if fraction > 1.4142135623730951 {
      fraction /= 2
      exponent += 1
    }
    // ln m = 2 (t + t³/3 + t⁵/5 + …) with t = (m − 1)/(m + 1), at most 0.1716.
    let t = (fraction - 1) / (fraction + 1)
    let square = t * t
    var sum = 1.0 / 23.0
    for divisor in stride(from: 21.0, through: 1.0, by: -2.0) {
      sum = sum * square + 1.0 / divisor
    }
    return exponent * 0.6931471805599453 + 2 * t * sum
  }
}
