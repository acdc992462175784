// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about keys of pattern objects that match no module of the weights, and about two that
  /// match one.
  ///
  /// - Complexity: O(keys · modules) matches, bounded.
  var patternFindings: [Finding] {
    // PEFT converts the patterns of experts, and saves what it converted or not.
    let hasExperts = modules.contains { $0.name.hasSuffix("experts") }
    guard rules.patternMatching != .exact, !modules.isEmpty, !hasExperts else { return [] }
    let objects = rules.config.patternObjects
    guard !objects.isEmpty else { return [] }
    let names = patternNames.map { Array($0.unicodeScalars) }
    return unmatchedPatterns(names)
      + objects.compactMap { overlapFinding($0.key, $0.object, names) }
  }

  /// A finding about two keys that give one module different values, which no tensor tells apart.
  ///
  /// The extents of tensors tell a size, such as the rank; nothing tells α.
  private func overlapFinding(
    _ key: String, _ object: JSONObject, _ names: [[Unicode.Scalar]]
  ) -> Finding? {
    guard object.count > 1, !rules.moduleSizes.contains(where: { $0.patternKey == key }) else {
      return nil
    }
    let patterns = object.map { ModulePattern($0.key, matching: rules.patternMatching) }
    var budget = ModulePatterns.largestBudget
    for name in names {
      var first: Int?
      for (place, pattern) in patterns.enumerated()
      where pattern.matches(name, budget: &budget) == true {
        guard let first, object[first].value != object[place].value else {
          first = first ?? place
          continue
        }
        let module = String(String.UnicodeScalarView(name))
        return Finding(
          .note, "overlapping-patterns",
          "the keys \"\(object[first].key.excerpt)\" and \"\(object[place].key.excerpt)\" of "
            + "\"\(key)\" both match \(module.excerpt), with different values: PEFT takes the first, "
            + "and sorts the keys when it saves, so that training may have used the other", key: key
        )
      }
    }
    return nil
  }

  private func unmatchedPatterns(_ names: [[Unicode.Scalar]]) -> [Finding] {
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
