// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// (IA)³: a factor for each output of a module, or for each input of a feed-forward module.
public struct IA3Method: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "IA3") }
  public var parameterPrefix: String { "ia3_" }
  public var rules: [ConfigRule] { [Self.feedForwardIsTargeted] }

  /// The longest expression that is evaluated for each module, in bytes.
  private static let longestExpression = 1024
  /// The most steps of the expression for each module.
  private static let largestBudget = 100_000
  /// Whether the module is a feed-forward module, 0 or 1.
  private static let isFeedForward = "feed-forward"

  public func values(
    of config: AdapterConfig, in module: String, sizes: inout ModuleSizes
  ) -> ExtentValues {
    var values = sizes.values(for: module)
    // A name counts as a suffix of any text, also of a part of a component.
    if let names = config.document["feedforward_modules"]?.array {
      let isMatch = names.contains { name in name.string.map(module.hasSuffix) ?? false }
      values[Self.isFeedForward] = isMatch ? 1 : 0
    } else if let text = config.document["feedforward_modules"]?.string {
      // A text is an expression for the whole path.
      var budget = Self.largestBudget
      switch text.utf8.count <= Self.longestExpression
        ? TargetMatcher(.expression(text)).match(module, budget: &budget) : .unknown
      {
      case .path, .ending: values[Self.isFeedForward] = 1
      case .none: values[Self.isFeedForward] = 0
      case .unknown: break
      }
    } else if config.document["feedforward_modules"]?.isNull ?? true,
      !Self.defaultNames.contains(where: module.hasSuffix)
    {
      values[Self.isFeedForward] = 0
    }
    return values
  }

  public var tensorKeys: [String: String] { ["ia3_l": "feedforward_modules"] }

  /// The feed-forward modules that PEFT has for some type of model.
  private static let defaultNames: Set<String> = Set(
    DefaultTargets.choices(of: "IA3.feedforward_modules").flatMap { choice in
      if case .list(let names) = choice { names } else { [] as [String] }
    })

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let layers: [(LayerKind, [Extent])] = [
      (.linear, []), (.convolution(2), [1, 1]), (.convolution(3), [1, 1, 1]),
    ]
    return layers.flatMap { layer, kernel in
      let output: [Extent] = kernel.isEmpty ? ["out", 1] : [1, "out"] + kernel
      return [
        ModuleForm(layer, tensors: [.init("ia3_l", [1, "in"] + kernel, untrained: .ones)]) {
          $0[Self.isFeedForward].map { $0 == 1 }
        },
        ModuleForm(layer, tensors: [.init("ia3_l", output, untrained: .ones)]) {
          $0[Self.isFeedForward].map { $0 == 0 }
        },
      ]
    }
  }

  private static let feedForwardIsTargeted = ConfigRule("feedforward_modules") { config in
    guard let feedForward = config.document["feedforward_modules"]?.array?.compactMap(\.string),
      let targets = config.document["target_modules"]?.array?.compactMap(\.string),
      let other = Set(feedForward).subtracting(targets).min()
    else { return nil }
    return "\"feedforward_modules\" lists \"\(other)\", which \"target_modules\" does not: PEFT "
      + "requires each to be a target"
  }
}
