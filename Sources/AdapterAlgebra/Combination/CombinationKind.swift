// SPDX-License-Identifier: Apache-2.0

/// How the updates of several adapters become one: the kinds of PEFT's `add_weighted_adapter`
/// (spec/adapter-algebra.md, AL31).
public enum CombinationKind: String, Sendable, Hashable, CaseIterable {
  /// Factors next to each other: exactly the weighted sum, of the sum of all ranks.
  case cat
  /// Weighted sums of the factors.
  case linear
  /// The weighted sum, cut to a rank by its singular values.
  case svd
  /// Factors whose smallest elements are pruned and of which the minority of signs is left out.
  case ties
  /// The same of the updates, cut to a rank.
  case tiesSVD = "ties_svd"
  /// Weighted sums of the factors, random elements of which are pruned.
  case dareLinear = "dare_linear"
  /// Factors with random elements pruned, of which the minority of signs is left out.
  case dareTies = "dare_ties"
  /// `dareLinear` of the updates, cut to a rank.
  case dareLinearSVD = "dare_linear_svd"
  /// `dareTies` of the updates, cut to a rank.
  case dareTiesSVD = "dare_ties_svd"
  /// Weighted sums of the factors, the smallest elements of which are pruned.
  case magnitudePrune = "magnitude_prune"
  /// The same of the updates, cut to a rank.
  case magnitudePruneSVD = "magnitude_prune_svd"
}

extension CombinationKind {
  /// Which elements are pruned.
  enum Pruning: Sendable {
    case magnitude
    case random
  }

  /// Which elements are pruned; nil for a kind that prunes none.
  var pruning: Pruning? {
    switch self {
    case .cat, .linear, .svd: nil
    case .ties, .tiesSVD, .magnitudePrune, .magnitudePruneSVD: .magnitude
    case .dareLinear, .dareTies, .dareLinearSVD, .dareTiesSVD: .random
    }
  }

  /// Whether a density is needed.
  public var prunes: Bool { pruning != nil }

  /// Whether elements are pruned at random, from a seed.
  public var isRandom: Bool { pruning == .random }

  /// Whether only elements of the majority's sign count.
  public var electsSigns: Bool {
    switch self {
    case .ties, .tiesSVD, .dareTies, .dareTiesSVD: true
    default: false
    }
  }

  /// Whether the updates are combined and cut to a rank, rather than their factors.
  public var cutsRank: Bool {
    switch self {
    case .svd, .tiesSVD, .dareLinearSVD, .dareTiesSVD, .magnitudePruneSVD: true
    default: false
    }
  }

  /// Whether the factors are combined element by element, so that they must have one rank.
  var mergesFactors: Bool { self != .cat && !cutsRank }
}

/// How the sign of the majority is found for each element (spec/adapter-algebra.md, AL36).
public enum MajoritySign: String, Sendable, Hashable, CaseIterable {
  /// The sign of the sum.
  case total
  /// The sign that more adapters have.
  case frequency
}
