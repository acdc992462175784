// SPDX-License-Identifier: Apache-2.0

/// Random words from a seed, by xoshiro256\*\*: the same on every machine.
///
/// spec/mpt-operations.md, O1 and O2, gives every step, so that other programs can draw the same words.
public struct SeededWordGenerator: Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  private static let goldenGamma: UInt64 = 0x9E37_79B9_7F4A_7C15

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

  /// The next word.
  public mutating func next() -> UInt64 {
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
}
