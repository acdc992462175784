// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about modules of the weights that the config does not target, and about targets without
  /// tensors.
  var targetFindings: [Finding] {
    guard !modules.isEmpty else { return [] }
    guard var selection = TargetSelection(rules.config) else {
      return defaultTargetFinding.map { [$0] } ?? []
    }
    // A module of the base model may be called base_layer itself.
    let names = modules.compactMap { module in
      module.name.containsBytes(of: "base_layer") && selection.contains(module.name) == true
        ? module.name : targetName(of: module)
    }
    return untargetedFindings(names, &selection) + absentFindings(names, &selection)
      + parameterFindings
  }

  /// Findings about modules that the config leaves out, one for each key that does.
  private func untargetedFindings(
    _ names: [String], _ selection: inout TargetSelection
  ) -> [Finding] {
    var leftOut: [(key: String, names: [String])] = []
    for name in names {
      guard case .leftOut(let key) = selection.verdict(on: name) else { continue }
      if let place = leftOut.firstIndex(where: { $0.key == key }) {
        leftOut[place].names.append(name)
      } else {
        leftOut.append((key, [name]))
      }
    }
    let count = leftOut.reduce(0) { $0 + $1.names.count }
    guard !tiesWeights || count == names.count else { return [] }
    if rules.adaptsTiedModules, count > 0, let finding = namedTargetFinding { return [finding] }
    return leftOut.map { key, names in
      let more = names.count == 1 ? "" : " and \((names.count - 1).counted("other module"))"
      let leavesOut =
        switch key {
        case "target_modules": "does not select"
        case "layers_to_transform" where rules.config.document["layers_pattern"]?.isNull == false:
          "with \"layers_pattern\" leaves out"
        default: "leaves out"
        }
      return Finding(
        .error, "untargeted-module",
        "\"\(key)\" \(leavesOut) \(names[0])\(more) of the weights: PEFT ignores the tensors",
        key: key, tensor: firstTensor(ofModule: names[0]))
    }
  }

  /// A finding about the first module that the targets name, where the weights have only modules that
  /// may be tied to it.
  private var namedTargetFinding: Finding? {
    let targets = rules.config.document["target_modules"]
    let isPlain = { (byte: UInt8) in
      byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || (48...57).contains(byte)
        || (97...122).contains(byte | 0x20)
    }
    guard let target = targets?.string ?? targets?.array?.first?.string,
      target.utf8.allSatisfy(isPlain)
    else { return nil }
    return Finding(
      .error, "missing-module",
      "the weights have no tensor of \(target), which \"target_modules\" names: PEFT leaves it at its "
        + "fresh values", key: "target_modules", tensor: TensorName(tensorName(ofMissing: target)))
  }

  /// Whether PEFT adapts modules that are tied to a target, too.
  var tiesWeights: Bool {
    rules.adaptsTiedModules || rules.config.flag("ensure_weight_tying", default: false)
  }

  /// The name by which PEFT selects a module; nil for one that is not selected by name: blocks,
  /// parameters, and experts that PEFT converts.
  func targetName(of module: AttachedModule) -> String? {
    let name = module.name.prefix(before: ".base_layer") ?? module.name
    guard !module.form.layers.contains(.block), name != "experts", !name.hasSuffix(".experts"),
      TargetParameters(rules.config).names(in: name).isEmpty
    else { return nil }
    return name
  }

  func firstTensor(ofModule name: String) -> TensorName? {
    modules.first { $0.name == name || $0.name.hasPrefix(name + ".base_layer") }
      .flatMap { $0.tensors.values.min() }.map { weights.tensor(at: $0).name }
  }

  /// Findings about entries of the list that no module of the weights matches.
  private func absentFindings(
    _ modules: [String], _ selection: inout TargetSelection
  ) -> [Finding] {
    guard let targets = selection.names, modules.count == self.modules.count else { return [] }
    var ends: Set<UTF8Text> = []
    for module in modules { ends.formUnion(Self.ends(of: module)) }
    let absent = targets.filter { !ends.contains(UTF8Text($0)) }
    // A full name is that of one module of the very model; another entry may be for other models,
    // unless all models with the adapted modules have it.
    var full = absent.filter { target in
      target.split(separator: ".").contains { Int($0) != nil } && selection.contains(target) == true
        && !saved.contains(TensorName(target + "."))
    }
    if rules.type.rawValue == "TRAINABLE_TOKENS" {
      full += absent.filter { $0 == "embed_tokens" || $0.hasSuffix(".embed_tokens") }
    }
    if full.isEmpty, !absent.isEmpty {
      let ends = Set(absent.map { UTF8Text($0) })
      full = absentCompanions(of: modules).filter { companion in
        selection.contains(companion) == true
          && Self.ends(of: companion).contains(where: ends.contains)
      }
    }
    var findings: [Finding] = []
    if let first = full.first {
      let count = full.count
      let more = count == 1 ? "" : " or of \((count - 1).counted("other module"))"
      findings.append(
        Finding(
          .error, "missing-module",
          "the weights have no tensor of \(first)\(more), which \"target_modules\" lists: PEFT leaves "
            + "it at its fresh values", key: "target_modules",
          tensor: TensorName(tensorName(ofMissing: first))))
    }
    let reported = Set(full.flatMap(Self.ends))
    let others = absent.filter { !reported.contains(UTF8Text($0)) }
    if let first = others.first {
      findings.append(
        Finding(
          .note, "unmatched-target",
          "no module of the weights is called \(first.excerpt)"
            + (others.count == 1 ? "" : ", nor as \((others.count - 1).counted("other entry"))")
            + " of \"target_modules\"", key: "target_modules"))
    }
    return findings
  }

  /// The modules without tensors that every model has next to one of the modules.
  ///
  /// - Complexity: O(modules).
  func absentCompanions(of names: [String]) -> [String] {
    let present = Set(names.map { UTF8Text($0) })
    return names.flatMap(ModuleCompanions.companions).filter { companion in
      !present.contains(UTF8Text(companion)) && !saved.contains(TensorName(companion + "."))
    }
  }

  /// A path and its ends behind dots.
  static func ends(of path: String) -> [UTF8Text] {
    var rest = path[...]
    var ends = [UTF8Text(path)]
    while let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) {
      rest = rest[rest.utf8.index(after: dot)...]
      ends.append(UTF8Text(String(rest)))
    }
    return ends
  }

  /// Whether the config asks PEFT to adapt a module, by its name.
  func isTargeted(_ module: String, _ selection: inout TargetSelection?) -> Bool {
    selection?.contains(module)
      ?? (rules.config.document["target_modules"]?.string?.lowercased() == "all-linear")
  }

  /// The name of the first tensor of a module that is not there.
  func tensorName(ofMissing module: String) -> String {
    let last = NumberedName.last(of: module)
    if self.saved.contains(TensorName(module + ".")) {
      let sibling = savedTensors.first { $0.name.split(separator: ".").dropLast().last == last }
      return rules.modelPrefix + module + "."
        + (sibling?.name.split(separator: ".").last ?? "weight")
    }
    let sibling = modules.first { NumberedName.last(of: $0.name) == last } ?? modules.first
    let leaf = sibling?.form.tensors.first { sibling?.tensors[$0.name] != nil }?.name
    return TensorPath.modelPrefix + module + (leaf.map { "." + $0 } ?? "")
  }
}
