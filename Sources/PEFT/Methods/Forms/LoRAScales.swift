// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// The rank, α and scale of a module of a LoRA adapter.
public struct LoRAScale: Sendable, Hashable {
  /// r.
  public let rank: Int
  /// α.
  public let alpha: Double
  /// What the product of the factors is multiplied by: α / r, or α / √r for rank-stabilized LoRA.
  public let scale: Double

  /// Computes the scale.
  ///
  /// - Parameters:
  ///   - rank: at least 1.
  ///   - alpha: α.
  ///   - isRankStabilized: whether α is divided by √r in place of r.
  public init(rank: Int, alpha: Double, isRankStabilized: Bool) {
    self.init(
      rank: rank, alpha: alpha,
      scale: alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank)))
  }

  /// Gives a scale that follows another rule.
  public init(rank: Int, alpha: Double, scale: Double) {
    self.rank = rank
    self.alpha = alpha
    self.scale = scale
  }
}

/// The scales that a LoRA config gives modules, the only place where they are computed.
///
/// r is the value of the first key of `rank_pattern` that matches the module, else `r`; α that of
/// `alpha_pattern`, else `lora_alpha`. Both are 8 where the config has none.
public struct LoRAScales: Sendable {
  private var ranks: ModuleSizes
  private let alpha: Double?
  private let alphaPatterns: ModulePatterns?
  private let isRankStabilized: Bool
  private var budget = ModulePatterns.largestBudget

  /// Reads a config.
  ///
  /// - Parameters:
  ///   - config: the config of the adapter.
  ///   - alphaKey: the key of α: `alpha` in the configs of LoHa and LoKr.
  public init(_ config: AdapterConfig, alphaKey: String = "lora_alpha") {
    let rank = ModuleSize("r", default: 8, pattern: "rank_pattern")
    ranks = ModuleSizes([rank], of: config, matching: .path)
    let document = config.document
    alpha = document[alphaKey].map { $0.number } ?? 8
    alphaPatterns = document["alpha_pattern"]?.object.map { ModulePatterns($0, matching: .path) }
    isRankStabilized = document["use_rslora"]?.isTruthy ?? false
  }

  /// The scale of a module.
  ///
  /// - Parameter module: the module's name in the base model; for a target of `target_parameters`,
  ///   that of the parameter.
  /// - Returns: nil when the config does not tell it: r or α is not a number that PEFT takes, or a
  ///   pattern cannot be matched.
  /// - Complexity: O(patterns · module), plus the steps of the expressions; all lookups together
  ///   take a bounded number of steps.
  public mutating func scale(of module: String) -> LoRAScale? {
    let alpha: Double?
    switch alphaPatterns?.value(for: module, budget: &budget) ?? .none {
    case .value(let json): alpha = json.number
    case .none: alpha = self.alpha
    case .unknown: alpha = nil
    }
    guard let alpha, let rank = ranks.values(for: module)["r"] else { return nil }
    return LoRAScale(rank: rank, alpha: alpha, isRankStabilized: isRankStabilized)
  }
}
