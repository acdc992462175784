// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about keys of pattern objects that match no module of the weights.
  ///
  /// - Complexity: O(keys · modules) matches, bounded.
  var patternFindings: [Finding] {
    // PEFT converts the patterns of experts, and saves what it converted or not.
    let hasExperts = modules.contains { $0.name.hasSuffix("experts") }
    guard rules.patternMatching != .exact, !modules.isEmpty, !hasExperts else { return [] }
    let names = patternNames.map { Array($0.unicodeScalars) }
    var budget = ModulePatterns.largestBudget
    return rules.config.patternObjects.flatMap { key, object in
      object.compactMap { member -> Finding? in
        let pattern = ModulePattern(member.key, matching: rules.patternMatching)
        for name in names {
          // Nothing is said of a key that cannot be matched.
          if pattern.matches(name, budget: &budget) ?? true { return nil }
        }
        return Finding(
          .warning, "unmatched-pattern",
          "the key \"\(member.key)\" of \"\(key)\" matches none of the adapted modules, so that its "
            + "value has no effect", key: key)
      }
    }
  }

  /// The names that patterns are matched with: those of modules, and of adapted parameters.
  private var patternNames: [String] {
    let parameters = TargetParameters(rules.config)
    var names: Set<UTF8Text> = []
    for module in modules {
      let name = module.name.prefix(before: ".base_layer") ?? module.name
      names.insert(UTF8Text(name))
      for parameter in parameters.names(in: name) { names.insert(UTF8Text(parameter)) }
    }
    return names.map(\.string)
  }
}
