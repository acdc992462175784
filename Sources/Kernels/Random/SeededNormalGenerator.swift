// SPDX-License-Identifier: Apache-2.0

/// Normally distributed numbers from a seed: the same bits on every machine.
///
/// xoshiro256\*\* makes the words and the polar method the numbers, with a logarithm of our own:
/// all of it integers and `+ − × ÷ √` in F64, which IEEE 754 rounds one way only.
/// spec/mpt-operations.md, O1 to O5, gives every step, so that other programs can draw the same
/// numbers.
public struct SeededNormalGenerator: Sendable {
  private var words: SeededWordGenerator
  private var kept: Double?

  /// Starts a stream. The streams of one seed are independent.
  public init(seed: UInt64, stream: UInt64 = 0) {
    words = SeededWordGenerator(seed: seed, stream: stream)
  }

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
    Double(words.next() >> 11) * 0x1p-52 - 1
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
