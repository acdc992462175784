// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// How adapters are combined (spec/adapter-algebra.md, AL31 to AL38).
public struct CombinationOptions: Sendable, Hashable {
  /// The kind of combination.
  public var kind: CombinationKind
  /// The share of elements that pruning keeps, above 0 and at most 1; nil for kinds that prune none.
  public var density: Double?
  /// How the sign of the majority is found.
  public var majoritySign: MajoritySign
  /// The rank of the result, for kinds that cut it; nil for the largest rank of the adapters.
  public var rank: Int?
  /// The seed of random pruning.
  public var seed: UInt64

  /// Creates options.
  ///
  /// - Parameters:
  ///   - kind: the kind of combination.
  ///   - density: the share of elements that pruning keeps.
  ///   - majoritySign: how the sign of the majority is found.
  ///   - rank: the rank of the result, for kinds that cut it.
  ///   - seed: the seed of random pruning.
  public init(
    kind: CombinationKind = .cat, density: Double? = nil, majoritySign: MajoritySign = .total,
    rank: Int? = nil, seed: UInt64 = 0
  ) {
    self.kind = kind
    self.density = density
    self.majoritySign = majoritySign
    self.rank = rank
    self.seed = seed
  }

  /// Checks that the options fit each other.
  ///
  /// - Throws: `invalidArgument` for a density that is missing, not used or out of range, and for such
  ///   a rank.
  package func check() throws(CheckpointError) {
    if let density {
      guard kind.prunes else {
        throw .invalidArgument(
          "the kind \(kind.rawValue) prunes nothing, so that it has no density")
      }
      guard density > 0, density <= 1 else {
        throw .invalidArgument("a density must be above 0 and at most 1, but is \(density)")
      }
    } else if kind.prunes {
      throw .invalidArgument("the kind \(kind.rawValue) prunes, so that it needs a density")
    }
    if let rank {
      guard kind.cutsRank else {
        throw .invalidArgument("the kind \(kind.rawValue) does not cut the rank to another one")
      }
      guard rank >= 1 else { throw .invalidArgument("a rank must be at least 1, but is \(rank)") }
    }
  }
}
