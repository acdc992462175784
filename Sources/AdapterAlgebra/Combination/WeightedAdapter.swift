// SPDX-License-Identifier: Apache-2.0
public import LowRank

/// An adapter and what its update is multiplied by in a combination.
public struct WeightedAdapter: Sendable {
  /// The adapter.
  public var adapter: LowRankAdapter
  /// The weight: any finite number.
  public var weight: Double

  /// Weights an adapter.
  public init(_ adapter: LowRankAdapter, weight: Double) {
    self.adapter = adapter
    self.weight = weight
  }
}
