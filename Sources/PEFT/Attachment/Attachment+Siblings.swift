// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about modules that one layer lacks while all others have them.
  ///
  /// Hybrid models have layers of different kinds. A module counts as missing only if all layers but
  /// one have it, that one has no module of the same last name elsewhere, and the config selects it.
  var siblingFindings: [Finding] {
    let names = missingSiblings
    guard let first = names.first else { return [] }
    let others = names.count - 1
    let more = others == 0 ? "" : " or of \(others.counted("other module"))"
    return [
      Finding(
        .error, "missing-module",
        "the weights have no tensor of \(first)\(more), which all other layers have: PEFT leaves a "
          + "module of the base model at its fresh values",
        tensor: TensorName(tensorName(ofMissing: first)))
    ]
  }

  private var missingSiblings: [String] {
    var lists: [String: [String: Set<Int>]] = [:]
    let whole = savedModules
    for module in modules.map(\.name) + whole {
      for reading in NumberedName.readings(of: module) {
        lists[reading.list, default: [:]][reading.member, default: []].insert(reading.number)
      }
    }
    var missing: Set<String> = []
    for (list, members) in lists {
      let layers = members.values.reduce(into: Set<Int>()) { $0.formUnion($1) }
      let complete = members.filter { $0.value.count == layers.count }.keys
      let incomplete = members.filter { $0.value.count < layers.count }
      for (member, numbers) in incomplete where numbers.count == layers.count - 1 {
        guard !complete.isEmpty, let number = layers.subtracting(numbers).first else { continue }
        let last = NumberedName.last(of: member), parent = NumberedName.parent(of: member)
        let isElsewhere = members.contains {
          $0.value.contains(number) && NumberedName.last(of: $0.key) == last
        }
        // Layers that share keys and values have neither; a block of another kind has none.
        let lacksOthers = incomplete.contains {
          $0.key != member && !$0.value.contains(number)
            && NumberedName.parent(of: $0.key) == parent
        }
        guard !isElsewhere, !lacksOthers else { continue }
        missing.insert(NumberedName(list: list, number: number, member: member).at(number))
      }
      if let gap = gap(in: layers), rules.config.document["layers_to_transform"]?.isNull ?? true {
        for member in complete {
          missing.insert(NumberedName(list: list, number: gap, member: member).at(gap))
        }
      }
    }
    let saved = rules.config.document["modules_to_save"]?.array?.isEmpty == false
    var selection = TargetSelection(rules.config)
    return missing.filter { name in
      isTargeted(name, &selection) || saved && self.saved.contains(TensorName(name + "."))
    }.sorted()
  }

  /// The names of the modules that are saved whole, each once.
  private var savedModules: [String] {
    var names: Set<UTF8Text> = []
    for (_, name) in savedTensors where name.hasPrefix(TensorPath.modelPrefix) {
      guard let dot = name.lastIndex(of: ".") else { continue }
      names.insert(UTF8Text(String(name[..<dot].dropFirst(TensorPath.modelPrefix.count))))
    }
    return names.map(\.string)
  }

  /// The only number that is missing between the first and the last; nil if none or more are.
  private func gap(in layers: Set<Int>) -> Int? {
    guard layers.count >= 3, let first = layers.min(), let last = layers.max() else { return nil }
    let (span, overflow) = last.subtractingReportingOverflow(first)
    guard !overflow, span == layers.count else { return nil }
    return (first...last).first { !layers.contains($0) }
  }

  /// Findings about saved modules that lack a tensor which the same module of other layers has.
  var savedSiblingFindings: [Finding] {
    var leaves: [String: Set<String>] = [:]
    for (_, name) in savedTensors {
      guard let dot = name.lastIndex(of: ".") else { continue }
      leaves[String(name[..<dot]), default: []].insert(String(name[name.index(after: dot)...]))
    }
    var kinds: [[String]: [String]] = [:]
    for module in leaves.keys {
      for reading in NumberedName.readings(of: module) {
        kinds[[reading.list, reading.member], default: []].append(module)
      }
    }
    var missing: Set<String> = []
    for modules in kinds.values where modules.count > 1 {
      let all = modules.reduce(into: Set<String>()) { $0.formUnion(leaves[$1] ?? []) }
      for module in modules {
        for leaf in all.subtracting(leaves[module] ?? []) { missing.insert(module + "." + leaf) }
      }
    }
    guard let first = missing.min() else { return [] }
    let others = missing.count - 1
    let more = others == 0 ? "" : " nor \(others.counted("other tensor"))"
    return [
      Finding(
        .error, "missing-tensor",
        "the weights have no \(first)\(more), which other layers have: PEFT raises KeyError",
        key: "modules_to_save", tensor: TensorName(first))
    ]
  }
}
