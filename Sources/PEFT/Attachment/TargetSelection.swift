// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// The modules that a config asks PEFT to adapt, as far as their names tell: `target_modules`,
/// `exclude_modules`, `layers_to_transform` and `layers_pattern`.
struct TargetSelection {
  /// The entries of a list of targets; nil for an expression.
  let names: [String]?
  private let targets: TargetMatcher
  private let excluded: TargetMatcher?
  private let layers: LayerSelection?
  private var budget = ModulePatterns.largestBudget

  /// Reads a config; nil for one that does not tell its targets, or asks for all linear layers.
  init?(_ config: AdapterConfig) {
    guard let targets = TargetNames(config.document["target_modules"]), !targets.isAllLinear else {
      return nil
    }
    if case .list(let names) = targets { self.names = names } else { names = nil }
    self.targets = TargetMatcher(targets)
    excluded = TargetNames(config.document["exclude_modules"]).flatMap { names in
      names.isEmpty ? nil : TargetMatcher(names)
    }
    layers = LayerSelection(config)
  }

  /// Whether PEFT adapts a module of this name; nil when that is unknown.
  mutating func contains(_ name: String) -> Bool? {
    let match = targets.match(name, budget: &budget)
    guard match != .unknown else { return nil }
    guard match != .none else { return false }
    switch excluded?.match(name, budget: &budget) {
    case .unknown?: return nil
    case .path?, .ending?: return false
    case TargetMatcher.Result.none?, nil: break
    }
    // A full name in the list selects its module whatever the layers.
    guard let layers, names != nil, match != .path else { return true }
    return layers.contains(name, budget: &budget)
  }
}
