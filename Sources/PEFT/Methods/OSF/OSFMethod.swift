// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// OSF: the smallest singular values of a weight are trained with their vectors, the largest kept.
///
/// `effective_rank` values are kept: that many, a fraction of the shorter side, or half of it.
public struct OSFMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "OSF") }
  public var parameterPrefix: String { "osf_" }
  public var adaptsTransposedLayers: Bool { false }
  public var leavesOtherLayers: Bool { true }
  public var patternMatching: ModulePattern.Matching { .anywhere }
  public var moduleSizes: [ModuleSize] {
    [
      ModuleSize(
        "effective_rank", default: nil, pattern: "rank_pattern", minimum: 0,
        allowsFraction: true)
    ]
  }
  public var rules: [ConfigRule] {
    [.number("effective_rank", "positive") { $0 > 0 }]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let kept = KeptRank(config)
    // Nothing is trained where all singular values are kept.
    let trained = Extent("min(in, out) - effective_rank", minimum: 0) { values in
      guard let inputs = values["in"], let outputs = values["out"] else { return nil }
      return kept.trainedRank(shorterSide: min(inputs, outputs), values)
    }
    return [
      ModuleForm(
        .linear,
        tensors: [
          .init("osf_svd_params.U_low", ["out", trained]), .init("osf_svd_params.S_low", [trained]),
          .init("osf_svd_params.V_low", [trained, "in"]),
        ]
      ) { values in
        guard let inputs = values["in"], let outputs = values["out"],
          let expected = kept.trainedRank(shorterSide: min(inputs, outputs), values)
        else { return nil }
        return values[trained.symbol].map { $0 == expected }
      }
    ]
  }
}

/// How many singular values a config keeps.
private struct KeptRank: Sendable {
  private let fraction: Double?
  private let isNull: Bool
  private let hasPatterns: Bool

  init(_ config: AdapterConfig) {
    let json = config.document["effective_rank"]
    isNull = json?.number == nil
    fraction = json?.integer == nil ? json?.number : nil
    hasPatterns = config.document["rank_pattern"]?.object?.isEmpty == false
  }

  /// The singular values that are trained; nil when the config does not tell.
  func trainedRank(shorterSide: Int, _ values: ExtentValues) -> Int? {
    if let rank = values["effective_rank"] { return shorterSide - min(rank, shorterSide) }
    // A pattern may have a fraction instead of a size.
    guard !hasPatterns else { return nil }
    if isNull { return shorterSide - shorterSide / 2 }
    guard let fraction, fraction > 0 else { return nil }
    guard fraction <= 1 else {
      return Int(exactly: fraction.rounded(.towardZero)).map { shorterSide - min($0, shorterSide) }
    }
    return Int(exactly: (Double(shorterSide) * fraction).rounded(.towardZero)).map {
      shorterSide - $0
    }
  }
}
