// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// The modules that a config asks PEFT to adapt, as far as their names tell: `target_modules`,
/// `exclude_modules`, `layers_to_transform` and `layers_pattern`.
struct TargetSelection {
  /// The entries of a list of targets; nil for an expression.
  let names: [String]?
  private let targets: Names
  private let excluded: Names?
  private let layers: LayerSelection?
  private var budget = ModulePatterns.largestBudget

  /// Names of modules: ends of paths, or an expression for whole paths.
  private enum Names {
    case list(Set<UTF8Text>)
    case expression(RegularExpression?)

    init?(_ json: JSONValue?) {
      if let text = json?.string {
        self = .expression(RegularExpression("(?:\(text))\\Z"))
      } else if let values = json?.array {
        self = .list(Set(values.compactMap(\.string).map { UTF8Text($0) }))
      } else {
        return nil
      }
    }

    /// Whether a name matches; nil when that is unknown.
    func matches(_ name: String, budget: inout Int) -> Bool? {
      switch self {
      case .expression(let expression):
        return expression?.matches(Array(name.unicodeScalars), budget: &budget) ?? nil
      case .list(let names):
        var rest = name[...]
        while !names.contains(UTF8Text(String(rest))) {
          guard let dot = rest.firstIndex(of: ".") else { return false }
          rest = rest[rest.index(after: dot)...]
        }
        return true
      }
    }
  }

  /// Reads a config; nil for one that does not tell its targets, or asks for all linear layers.
  init?(_ config: AdapterConfig) {
    let document = config.document
    guard let targets = Names(document["target_modules"]),
      document["target_modules"]?.string?.lowercased() != "all-linear"
    else { return nil }
    self.targets = targets
    names = document["target_modules"]?.array?.compactMap(\.string)
    let excludedJSON = document["exclude_modules"]
    excluded =
      excludedJSON?.string?.isEmpty == true || excludedJSON?.array?.isEmpty == true
      ? nil : Names(excludedJSON)
    layers = LayerSelection(config)
  }

  /// Whether PEFT adapts a module of this name; nil when that is unknown.
  mutating func contains(_ name: String) -> Bool? {
    guard let isTarget = targets.matches(name, budget: &budget) else { return nil }
    guard isTarget else { return false }
    if let excluded {
      guard let isExcluded = excluded.matches(name, budget: &budget) else { return nil }
      if isExcluded { return false }
    }
    // A full name in the list selects its module whatever the layers.
    guard let layers, let names, !names.contains(name) else { return true }
    return layers.contains(name, budget: &budget)
  }
}
