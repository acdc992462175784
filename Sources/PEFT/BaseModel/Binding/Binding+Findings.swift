// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

/// Words what a base model shows about an adapter, and leaves out what the adapter shows by itself.
struct BindingFindings {
  let builder: BindingBuilder
  private let attachment: Attachment
  /// The modules whose tensors have findings already.
  private var reported: Set<UTF8Text> = []
  /// The tensors that have findings already, since they are missing or do not fit.
  private var reportedTensors: Set<TensorName> = []

  init(_ builder: BindingBuilder, _ attachment: Attachment) {
    self.builder = builder
    self.attachment = attachment
    let siblings =
      attachment.fits.contains { !$0.isPerfect } ? LayerStacks(attachment.modules).siblings : [:]
    for (number, module) in attachment.modules.enumerated() {
      let fit = attachment.fits[number]
      guard !fit.isPerfect else { continue }
      reported.insert(UTF8Text(module.name))
      for tensor in fit.missing {
        reportedTensors.insert(TensorName(TensorPath.modelPrefix + module.name + "." + tensor.name))
      }
      for index in attachment.blamed(number, siblings) + fit.empty {
        reportedTensors.insert(attachment.weights.tensor(at: index).name)
      }
    }
    for tensor in attachment.expectedFindings.compactMap(\.tensor) {
      reportedTensors.insert(tensor)
    }
    for tensor in attachment.misnamed {
      reportedTensors.insert(attachment.weights.tensor(at: tensor.index).name)
      let path = tensor.canonical.components
      for end in path.indices.dropFirst(2) {
        reported.insert(UTF8Text(path[2..<end].dotted))
      }
    }
    for index in attachment.unknownParameters {
      reportedTensors.insert(attachment.weights.tensor(at: index).name)
    }
  }

  /// The findings.
  ///
  /// - Complexity: O(modules + tensors).
  var findings: [Finding] {
    var findings: [Finding] = []
    let adapted = builder.adapted
    if adapted.isIncomplete {
      findings.append(
        Finding(
          .note, "unmatched-expression",
          "some names of the config cannot be matched with the base model's modules, since their "
            + "syntax is not supported or they take too many steps; where the adapter has tensors, "
            + "they count as matched", key: "target_modules"))
    }
    if adapted.refusal == nil, !adapted.excludes, !adapted.modules.isEmpty,
      TargetNames(adapted.config.document["exclude_modules"])?.isEmpty == false
    {
      findings.append(
        Finding(
          .note, "unmatched-exclusion",
          "\"exclude_modules\" leaves out no module of the base model, of which PEFT warns",
          key: "exclude_modules"))
    }
    if !adapted.unmatchedParameters.isEmpty {
      findings.append(
        Finding(
          .note, "unmatched-target",
          "\"target_parameters\" (\(adapted.unmatchedParameters.joined(separator: ", ").excerpt)) "
            + "matches no parameter of the base model, of which PEFT warns",
          key: "target_parameters"))
    }
    findings += tyingFindings
    if let refusal = adapted.refusal {
      findings.append(
        Finding(
          .error, "no-target", refusal + ": PEFT refuses the adapter", key: targetKey))
    }
    return findings + moduleFindings + shapeFindings + savedFindings + deadFindings + tokenFindings
  }

  /// Notes about tied embeddings, of which PEFT warns: an adapter of one of them changes one copy, and with
  /// `ensure_weight_tying` there must be some.
  private var tyingFindings: [Finding] {
    guard builder.adapted.refusal == nil, !builder.rules.isPromptLearning else { return [] }
    let key = "ensure_weight_tying"
    let config = builder.adapted.config
    let named = config.namesEmbedding
    let isTied = !builder.tree.tiedModules.isEmpty
    if config.flag(key, default: false), builder.rules.type == .lora {
      // A config that names no embedding has a finding of its own.
      guard !isTied, named else { return [] }
      return [
        Finding(
          .note, "invalid-value",
          "\"\(key)\" is set, but the base model has no tied modules, of which PEFT warns", key: key
        )
      ]
    }
    guard isTied, named else { return [] }
    return [
      Finding(
        .note, "invalid-value",
        "the base model ties its embeddings, and the adapter changes one of them"
          + (builder.rules.type == .lora ? " without \"\(key)\"" : "")
          + ", of which PEFT warns: merging the adapter may change the other one, too", key: key)
    ]
  }

  /// Findings about trained tokens that the base model does not have.
  private var tokenFindings: [Finding] {
    builder.absentTokens.map { module, token, rows in
      Finding(
        .error, "invalid-value",
        "the token \(token) is trained, but \(module) of the base model has \(rows) rows: PEFT raises "
          + "IndexError; resize the embeddings of the base model first",
        key: "trainable_token_indices")
    }
  }

  /// The key that a refusal is about.
  private var targetKey: String {
    let document = builder.adapted.config.document
    let hasModules = document["target_modules"].map { !$0.isNull } ?? false
    if !hasModules, document["target_parameters"]?.array != nil { return "target_parameters" }
    return "target_modules"
  }

  private var modules: [Binding.Module] { builder.binding.modules }

  private var moduleFindings: [Finding] {
    var missing = FindingGroups<String>()
    var shared: [Int] = []
    var unsupported = FindingGroups<String>()
    for (number, module) in modules.enumerated() where !module.isSaved {
      if module.state == .unsupported { unsupported.add(number, to: module.kindName) }
      guard module.missing.contains(where: { !reportedTensors.contains($0) }) else { continue }
      if builder.adapted.sharesTensors(module.name) {
        shared.append(number)
      } else {
        missing.add(number, to: module.kindName)
      }
    }
    let type = builder.rules.type.rawValue
    return sharedFindings(shared)
      + missing.findings { _, numbers in
        let module = modules[numbers[0]]
        return Finding(
          .error, "missing-tensor",
          "the weights have no \(module.missing[0])\(others(numbers, "module")), which the config "
            + "adapts: PEFT leaves \(numbers.count == 1 ? "it" : "them") at fresh values",
          key: builder.adapted.tied.contains(module.name) ? "ensure_weight_tying" : nil,
          tensor: module.missing[0])
      }
      + unsupported.findings { _, numbers in
        Finding(
          .error, "unsupported-layer",
          "\(modules[numbers[0]].name)\(others(numbers, "module")) of the base model is not a layer "
            + "that \(type) can adapt: PEFT refuses the adapter", key: "target_modules")
      }
  }

  /// Tensors of tied modules, whose values PEFT has from the module that they are tied to, and those
  /// that exist once.
  private func sharedFindings(_ numbers: [Int]) -> [Finding] {
    let tied = numbers.prefix(1).map { number in
      let name = modules[number].missing[0]
      return Finding(
        .note, "missing-tensor",
        "the weights have no \(name)\(others(numbers, "module")), of which PEFT warns; the module is "
          + "tied to one that has it", tensor: name)
    }
    let missing = builder.binding.missingShared.filter { !reportedTensors.contains($0) }
    let more = missing.count < 2 ? "" : " and \((missing.count - 1).counted("other tensor"))"
    return tied
      + missing.prefix(1).map { name in
        Finding(
          .error, "missing-tensor",
          "the weights have no \(name)\(more): PEFT leaves \(missing.count == 1 ? "it" : "them") at "
            + "fresh values", tensor: name)
      }
  }

  private func others(_ numbers: [Int], _ noun: String) -> String {
    numbers.count == 1 ? "" : " (and \((numbers.count - 1).counted("other \(noun)")))"
  }

  /// Findings about shapes that fit each other, and not the base model.
  private var shapeFindings: [Finding] {
    var groups = FindingGroups<String>()
    var wrongs: [(wrong: FormFit.Mismatch, fit: FormFit)] = []
    for mismatch in builder.mismatches {
      let kind = Binding.Module(name: mismatch.module, isSaved: false, state: .mismatched).kindName
      for wrong in mismatch.fit.mismatches
      where !reportedTensors.contains(builder.weights.names(of: wrong.index)[0]) {
        groups.add(wrongs.count, to: kind + "\n" + wrong.tensor.name)
        wrongs.append((wrong, mismatch.fit))
      }
    }
    return groups.findings { _, numbers in
      let (wrong, fit) = wrongs[numbers[0]]
      let name = builder.weights.names(of: wrong.index)[0]
      let expected = wrong.tensor.shape.map {
        $0.value(in: fit.values).map(String.init) ?? $0.symbol
      }
      return Finding(
        .error, "shape-mismatch",
        "\(name)\(others(numbers, "tensor")) has the shape \(wrong.shape), but the base model's module "
          + "needs [\(expected.joined(separator: ", "))] = "
          + "[\(wrong.tensor.shape.map(\.symbol).joined(separator: ", "))]: PEFT refuses the adapter",
        tensor: name)
    }
  }

  private var savedFindings: [Finding] {
    let missing = builder.required.filter { !reported.contains(UTF8Text($0.module)) }
    let key = { (module: String) -> String? in
      builder.adapted.tokens.contains(module) ? "trainable_token_indices" : "modules_to_save"
    }
    return missing.prefix(1).map { name, module in
      let more = missing.count == 1 ? "" : " and \((missing.count - 1).counted("other tensor"))"
      return Finding(
        .error, "missing-tensor",
        "the weights have no \(name)\(more), which PEFT looks up for \(module): it raises KeyError",
        key: key(module), tensor: TensorName(name))
    }
      + builder.misshapen.compactMap { index, expected in
        let tensor = builder.weights.tensor(at: index)
        guard !reportedTensors.contains(tensor.name) else { return nil }
        return Finding(
          .error, "shape-mismatch",
          "\(tensor.name) has the shape \(tensor.shape), but the base model needs \(expected): PEFT "
            + "refuses the adapter", tensor: tensor.name)
      }
  }

  /// Findings about tensors that PEFT ignores.
  private var deadFindings: [Finding] {
    var groups = FindingGroups<DeadCause>()
    let names = builder.binding.dead
    for (number, name) in names.enumerated() where !reportedTensors.contains(name) {
      guard let module = builder.rules.module(of: name.string) else {
        groups.add(number, to: DeadCause(reason: .notInModel, kind: ""))
        continue
      }
      let kind = Binding.Module(name: module, isSaved: false, state: .dead).kindName
      let reason: DeadCause.Reason =
        !builder.tree.contains(module)
        ? .noModule : builder.adapted.contains(module) ? .noTensor : .notAdapted
      if reason == .noTensor, reported.contains(UTF8Text(module)) { continue }
      groups.add(number, to: DeadCause(reason: reason, kind: kind))
    }
    return groups.findings { cause, numbers in
      let name = names[numbers[0]]
      let module = builder.rules.module(of: name.string) ?? ""
      let near = cause.reason == .noModule ? nearModule(module) : nil
      let reason =
        switch cause.reason {
        case .notInModel: "the base model has no such tensor"
        case .noModule:
          "the base model has no module \(module)" + (near.map { "; it has \($0)" } ?? "")
        case .notAdapted: "the config does not adapt \(module)"
        case .noTensor: "\(module) is a layer that has other tensors"
        }
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(name)\(others(numbers, "tensor")): \(reason)",
        key: cause.reason == .notAdapted ? "target_modules" : nil, tensor: name,
        repairs: near.map { renames(numbers.map { names[$0] }, from: module, to: $0) } ?? [])
    }
  }
}

extension Attachment {
  /// The tensors of a module that a finding about the adapter by itself blames for their shapes.
  fileprivate func blamed(_ number: Int, _ siblings: [Int: Int]) -> [Int] {
    let wrong = fits[number].mismatches.map(\.index)
    guard !wrong.isEmpty || fits[number].isUnused, !hasPatterns,
      let (tensor, _) = contradicting(number, siblings)
    else { return wrong }
    return [tensor]
  }
}

/// Why PEFT ignores a tensor, and the kind of its module.
private struct DeadCause: Hashable {
  enum Reason {
    case notInModel, noModule, notAdapted, noTensor
  }

  let reason: Reason
  let kind: String
}
