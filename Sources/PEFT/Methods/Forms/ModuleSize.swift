// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// A size that the config gives each module, such as `r`.
public struct ModuleSize: Sendable {
  /// The symbol in shapes.
  public let symbol: String
  /// The key of the config.
  public let key: String
  /// The value of an absent key; nil where there is none.
  public let defaultValue: Int?
  /// The key of the pattern object that gives modules other values: `rank_pattern`.
  public let patternKey: String?
  /// The smallest value that PEFT accepts.
  public let minimum: Int
  /// Whether PEFT also takes a fraction, of another size.
  public let allowsFraction: Bool

  /// Describes a size.
  ///
  /// - Parameters:
  ///   - symbol: the symbol in shapes, and the key of the config unless `key` is given.
  ///   - key: the key of the config; nil if it is the symbol.
  ///   - defaultValue: the value of an absent key; nil where there is none.
  ///   - pattern: the key of the pattern object that gives modules other values.
  ///   - minimum: the smallest value that PEFT accepts.
  ///   - allowsFraction: whether PEFT also takes a fraction, of another size.
  public init(
    _ symbol: String, key: String? = nil, default defaultValue: Int?, pattern: String? = nil,
    minimum: Int = 1, allowsFraction: Bool = false
  ) {
    self.symbol = symbol
    self.key = key ?? symbol
    self.defaultValue = defaultValue
    patternKey = pattern
    self.minimum = minimum
    self.allowsFraction = allowsFraction
  }
}

/// The sizes that one config gives modules.
///
/// The patterns are read once. All lookups together take a bounded number of steps, after which
/// sizes with patterns are unknown.
public struct ModuleSizes: Sendable {
  private let sizes: [(size: ModuleSize, value: Int?, patterns: ModulePatterns?)]
  private var budget = ModulePatterns.largestBudget

  /// Reads the sizes of a config.
  public init(_ sizes: [ModuleSize], of config: AdapterConfig, matching: ModulePattern.Matching) {
    self.sizes = sizes.map { size in
      let value = config.document[size.key].map { $0.integer } ?? size.defaultValue
      let patterns = size.patternKey.flatMap { config.document[$0]?.object }
      return (
        size, value.flatMap { $0 >= size.minimum ? $0 : nil },
        patterns.flatMap { $0.isEmpty ? nil : ModulePatterns($0, matching: matching) }
      )
    }
  }

  /// The sizes of a module, by its name in the base model. Those that the config does not tell have
  /// no value.
  ///
  /// - Complexity: O(patterns · module), plus the steps of the expressions.
  public mutating func values(for module: String) -> ExtentValues {
    var values = ExtentValues()
    for (size, value, patterns) in sizes {
      switch patterns?.value(for: module, budget: &budget) ?? .none {
      case .value(let json):
        values[size.symbol] = json.integer.flatMap { $0 >= size.minimum ? $0 : nil }
      case .none: values[size.symbol] = value
      case .unknown: break
      }
    }
    return values
  }
}
