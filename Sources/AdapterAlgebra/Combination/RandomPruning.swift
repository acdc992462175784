// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// Sets random elements of a tensor to zero and divides the others by the share that is kept, so that
/// the expectation of each stays as it is (spec/adapter-algebra.md, AL35).
struct RandomPruning {
  private var generator: SeededWordGenerator
  private let density: Double

  /// - Parameters:
  ///   - density: the share of elements that is kept, above 0 and at most 1.
  ///   - seed: the seed.
  ///   - stream: the number of the tensor.
  init(density: Double, seed: UInt64, stream: UInt64) {
    self.density = density
    generator = SeededWordGenerator(seed: seed, stream: stream)
  }

  /// Prunes the next elements.
  mutating func prune(_ values: inout [Double]) {
    guard density < 1 else { return }
    for place in values.indices {
      // The upper 53 bits of a word: a multiple of 2^-53 below 1.
      let drawn = Double(generator.next() >> 11) * 0x1p-53
      values[place] = drawn < density ? values[place] / density : 0
    }
  }
}
