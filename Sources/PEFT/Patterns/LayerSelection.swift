// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// The layers that `layers_to_transform` and `layers_pattern` select (spec/base-model.md, P12).
struct LayerSelection: Sendable {
  private let layers: Set<Int>
  /// One expression for each pattern; nil for one that is not supported.
  private let expressions: [RegularExpression?]

  /// Reads a config; nil when it selects no layers.
  init?(_ config: AdapterConfig) {
    switch config.document["layers_to_transform"] {
    case let value? where value.integer != nil: layers = Set([value.integer].compactMap(\.self))
    case .array(let values)? where !values.isEmpty: layers = Set(values.compactMap(\.integer))
    default: return nil
    }
    let patterns = Self.patterns(of: config) ?? []
    let texts =
      patterns.isEmpty ? [#".*?\.[^.]*\.(?P<idx>\d+)\."#] : patterns.map(Self.expression)
    expressions = texts.map { try? RegularExpression($0, keepsGroups: true) }
  }

  /// The patterns of `layers_pattern`; nil for a config that selects no layers.
  static func patterns(of config: AdapterConfig) -> [String]? {
    switch config.document["layers_to_transform"] {
    case nil, .null?: return nil
    case .array(let layers)? where layers.isEmpty: return nil
    default: break
    }
    return switch config.document["layers_pattern"] {
    case .string(let pattern)? where !pattern.isEmpty: [pattern]
    case .array(let patterns)?: patterns.compactMap(\.string)
    default: []
    }
  }

  /// The expression that PEFT makes of a pattern.
  static func expression(_ pattern: String) -> String {
    #"(?:^|.*?\.)\#(pattern)\.(?P<idx>\d+)\."#
  }

  /// Whether a module is in one of the layers; nil when that is unknown.
  func contains(_ path: String, budget: inout Int) -> Bool? {
    let scalars = Array(path.unicodeScalars)
    for expression in expressions {
      guard let expression, let group = expression.group("idx") else { return nil }
      switch expression.firstMatch(in: scalars, anywhere: false, budget: &budget) {
      case .none: continue
      case .unknown: return nil
      case .found(let match):
        guard let range = match.range(group) else { return nil }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[range])
        return Int(String(text)).map(layers.contains) ?? false
      }
    }
    return false
  }
}
