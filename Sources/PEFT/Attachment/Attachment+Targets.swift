// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about modules of the weights that the config does not target, and about targets without
  /// tensors.
  var targetFindings: [Finding] {
    guard var selection = TargetSelection(rules.config), !modules.isEmpty else { return [] }
    let names = modules.compactMap { targetName(of: $0) }
    let untargeted = names.filter { selection.contains($0) == false }
    var findings: [Finding] = []
    if let first = untargeted.first, !tiesWeights || untargeted.count == names.count {
      let count = untargeted.count
      let more = count == 1 ? "" : " and \((count - 1).counted("other module"))"
      findings.append(
        Finding(
          .error, "untargeted-module",
          "\"target_modules\" and the keys beside it do not select \(first)\(more) of the weights: "
            + "PEFT ignores the tensors", key: "target_modules",
          tensor: firstTensor(ofModule: first)))
    }
    return findings + absentFindings(names, &selection)
  }

  /// Whether PEFT adapts modules that are tied to a target, too.
  private var tiesWeights: Bool {
    rules.adaptsTiedModules || rules.config.document["ensure_weight_tying"]?.bool ?? false
  }

  /// The name by which PEFT selects a module; nil for one that is not selected by name: blocks,
  /// parameters, and experts that PEFT converts.
  private func targetName(of module: AttachedModule) -> String? {
    let name = module.name.prefix(before: ".base_layer") ?? module.name
    guard !module.form.layers.contains(.block), name != "experts", !name.hasSuffix(".experts"),
      TargetParameters(rules.config).names(in: name).isEmpty
    else { return nil }
    return name
  }

  private func firstTensor(ofModule name: String) -> TensorName? {
    modules.first { $0.name == name || $0.name.hasPrefix(name + ".base_layer") }
      .flatMap { $0.tensors.values.min() }.map { weights.tensor(at: $0).name }
  }

  /// Findings about entries of the list that no module of the weights matches.
  private func absentFindings(
    _ modules: [String], _ selection: inout TargetSelection
  ) -> [Finding] {
    guard let targets = selection.names, modules.count == self.modules.count else { return [] }
    var ends: Set<UTF8Text> = []
    for module in modules {
      var rest = module[...]
      ends.insert(UTF8Text(module))
      while let dot = rest.firstIndex(of: ".") {
        rest = rest[rest.index(after: dot)...]
        ends.insert(UTF8Text(String(rest)))
      }
    }
    let absent = targets.filter { !ends.contains(UTF8Text($0)) }
    // A full name is that of one module of the very model; another entry may be for other models.
    let full = absent.filter { target in
      target.split(separator: ".").contains { Int($0) != nil } && selection.contains(target) == true
        && !saved.contains(TensorName(target + "."))
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
    let others = absent.filter { !full.contains($0) }
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

  /// Whether the config asks PEFT to adapt a module, by its name.
  func isTargeted(_ module: String, _ selection: inout TargetSelection?) -> Bool {
    selection?.contains(module)
      ?? (rules.config.document["target_modules"]?.string?.lowercased() == "all-linear")
  }

  /// The name of the first tensor of a module that is not there.
  func tensorName(ofMissing module: String) -> String {
    let last = module.split(separator: ".").last
    let sibling = modules.first { $0.name.split(separator: ".").last == last } ?? modules.first
    let leaf = sibling?.form.tensors.first { sibling?.tensors[$0.name] != nil }?.name
    return TensorPath.modelPrefix + module + (leaf.map { "." + $0 } ?? "")
  }
}
