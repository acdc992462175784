// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The rank that each module of an adapter is compressed to (spec/adapter-algebra.md, AL11).
public enum RankTarget: Sendable, Hashable {
  /// This rank, or the module's own if it is lower.
  case rank(Int)
  /// The lowest rank that keeps this share of the squared singular values, from 0 to 1.
  case energy(Double)
  /// The lowest rank of a list that keeps this share of the squared singular values; the module's own
  /// where none does. Servers are set up for such a list.
  case listed([Int], energy: Double)

  /// Checks the numbers.
  ///
  /// - Throws: `invalidArgument` for ranks below 1, an empty list and shares that are not from 0 to 1.
  package func check() throws(CheckpointError) {
    switch self {
    case .rank(let rank):
      guard rank >= 1 else { throw .invalidArgument("a rank must be at least 1, but is \(rank)") }
    case .energy(let share): try Self.check(share)
    case .listed(let ranks, let share):
      guard !ranks.isEmpty, ranks.allSatisfy({ $0 >= 1 }) else {
        throw .invalidArgument("a list of ranks needs ranks of at least 1")
      }
      try Self.check(share)
    }
  }

  private static func check(_ share: Double) throws(CheckpointError) {
    guard share > 0, share <= 1 else {
      throw .invalidArgument("an energy must be above 0 and at most 1, but is \(share)")
    }
  }

  /// The rank for a module.
  ///
  /// - Parameters:
  ///   - own: the rank of the module.
  ///   - spectrum: its singular values.
  func rank(for own: Int, _ spectrum: Spectrum) -> Int {
    switch self {
    case .rank(let rank): min(own, rank)
    case .energy(let share): min(own, spectrum.rank(keeping: share))
    case .listed(let ranks, let share):
      min(own, ranks.filter { $0 >= spectrum.rank(keeping: share) }.min() ?? own)
    }
  }
}
