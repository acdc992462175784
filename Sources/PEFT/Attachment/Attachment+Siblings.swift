// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about modules that one layer lacks while all others have them.
  ///
  /// Hybrid models have layers of different kinds. A module counts as missing only if all layers but
  /// one have it, that one has no module of the same last name elsewhere, and the config selects it. Stages
  /// of a network differ at its ends: there, the parent must have another module in all layers, or the module
  /// is a projection that the blocks of transformers have.
  var siblingFindings: [Finding] {
    let names = missingSiblings
    guard let first = names.first else { return [] }
    let others = names.count - 1
    let more = others == 0 ? "" : " or of \(others.counted("other module"))"
    return [
      Finding(
        .error, "missing-module",
        "the weights have no tensor of \(first)\(more), which all other layers have: PEFT leaves a "
          + "module of the base model at its fresh values, unless it is in \"exclude_modules\"",
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
    var selection = TargetSelection(rules.config)
    for (list, all) in lists {
      let members = withoutStrayLayer(all)
      let layers = members.values.reduce(into: Set<Int>()) { $0.formUnion($1) }
      // A member that the config leaves out of a layer is in all others.
      let complete = members.filter { member, numbers in
        layers.subtracting(numbers).allSatisfy { number in
          let name = NumberedName(list: list, number: number, member: member).at(number)
          return selection?.contains(name) == false
        }
      }.keys
      let incomplete = members.filter { $0.value.count < layers.count }
      for (member, numbers) in incomplete where numbers.count == layers.count - 1 {
        let last = NumberedName.last(of: member), parent = NumberedName.parent(of: member)
        // Within a layer, numbered parts may be of different kinds.
        let witnesses = complete.filter {
          !isWithinLayer(list) || NumberedName.parent(of: $0) == parent
        }
        guard !witnesses.isEmpty, !Self.isShortcut(member),
          let number = layers.subtracting(numbers).first,
          isBesideOthers(number, in: layers) || Self.isInEveryBlock(member)
            || complete.contains(where: { NumberedName.parent(of: $0) == parent })
        else { continue }
        // The layer may have it under another name, which no layer with this one has.
        let isElsewhere = members.contains {
          $0.value.contains(number) && NumberedName.last(of: $0.key) == last
            && $0.value.isDisjoint(with: numbers)
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
    return missing.filter { name in
      isTargeted(name, &selection) || saved && self.saved.contains(TensorName(name + "."))
    }.sorted()
  }

  /// Whether there are layers on both sides of a layer. The first and the last stage of a network may
  /// lack a part that changes the resolution.
  private func isBesideOthers(_ number: Int, in layers: Set<Int>) -> Bool {
    layers.contains { $0 < number } && layers.contains { $0 > number }
  }

  /// Whether a member is the projection around a block, which only blocks have that change the number of
  /// channels or the resolution.
  private static func isShortcut(_ member: String) -> Bool {
    !shortcuts.isDisjoint(with: member.components)
  }

  private static let shortcuts: Set<Substring> = [
    "conv_shortcut", "nin_shortcut", "shortcut", "skip_connection", "downsample",
  ]

  /// Whether a member is a projection of an attention, or of a feed-forward network without experts.
  static func isInEveryBlock(_ member: String) -> Bool {
    let path = member.components
    guard let last = path.last else { return false }
    guard let parent = path.dropLast().last else { return layerProjections.contains(last) }
    return attentions.contains(parent) || parent == "mlp" && projections.contains(last)
      || parent == "DenseReluDense" || blockEndings.contains(member)
  }

  /// Projections that are in the layer itself, as in OPT and BART.
  private static let layerProjections: Set<Substring> = ["fc1", "fc2"]
  /// The projections of a layer of BERT and its kin.
  private static let blockEndings: Set<String> = [
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
    "intermediate.dense", "output.dense",
  ]

  private static let attentions: Set<Substring> = [
    "self_attn", "attn", "attention", "self_attention", "SelfAttention", "EncDecAttention",
    "encoder_attn",
  ]
  private static let projections: Set<Substring> = [
    "gate_proj", "up_proj", "down_proj", "c_fc", "c_proj", "fc1", "fc2", "dense_h_to_4h",
    "dense_4h_to_h",
  ]

  /// Whether the path of a list contains the number of a layer.
  private func isWithinLayer(_ list: String) -> Bool {
    list.split(separator: ".").contains { Int($0) != nil }
  }

  /// The members of a list without those of a layer behind a gap that has one module alone: a wrong
  /// number in a name.
  private func withoutStrayLayer(_ members: [String: Set<Int>]) -> [String: Set<Int>] {
    var counts: [Int: Int] = [:]
    for number in members.values.joined() { counts[number, default: 0] += 1 }
    let layers = counts.keys.sorted()
    guard layers.count >= 3, let last = layers.last, counts[last] == 1,
      layers[layers.count - 2] < last - 1
    else { return members }
    return members.mapValues { $0.subtracting([last]) }.filter { !$0.value.isEmpty }
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
        // The numbered parts of a sequence are different modules.
        guard !reading.member.isEmpty else { continue }
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
