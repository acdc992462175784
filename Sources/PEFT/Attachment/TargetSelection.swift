// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// The modules that a config asks PEFT to adapt, as far as their names tell: `target_modules`,
/// `exclude_modules`, `layers_to_transform` and `layers_pattern`.
struct TargetSelection {
  /// Whether PEFT adapts a module.
  enum Verdict: Equatable {
    case selected
    /// The key of the config that leaves it out.
    case leftOut(by: String)
    case unknown
  }

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
    self.init(targets, config)
  }

  /// The targets, with the other keys of a config.
  init(_ targets: TargetNames, _ config: AdapterConfig) {
    if case .list(let names) = targets { self.names = names } else { names = nil }
    self.targets = TargetMatcher(targets)
    excluded = TargetNames(config.document["exclude_modules"]).flatMap { names in
      names.isEmpty ? nil : TargetMatcher(names)
    }
    layers = LayerSelection(config)
  }

  /// Whether PEFT adapts a module of this name.
  mutating func verdict(on name: String) -> Verdict {
    let match = targets.match(name, budget: &budget)
    guard match != .unknown else { return .unknown }
    guard match != .none else { return .leftOut(by: "target_modules") }
    switch excluded?.match(name, budget: &budget) {
    case .unknown?: return .unknown
    case .path?, .ending?: return .leftOut(by: "exclude_modules")
    case TargetMatcher.Result.none?, nil: break
    }
    // A full name in the list selects its module whatever the layers.
    guard let layers, names != nil, match != .path else { return .selected }
    return layers.contains(name, budget: &budget).map { isSelected in
      isSelected ? .selected : .leftOut(by: "layers_to_transform")
    } ?? .unknown
  }

  /// Whether PEFT adapts a module of this name; nil when that is unknown.
  mutating func contains(_ name: String) -> Bool? {
    switch verdict(on: name) {
    case .selected: true
    case .leftOut: false
    case .unknown: nil
    }
  }
}
