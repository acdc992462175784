// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about the modules that the adapter saves whole, and about trained tokens.
  ///
  /// PEFT looks up the tensors of each such module that the base model has, and raises KeyError where
  /// one is missing. Which of them the base model has is unknown here; it usually has all that the
  /// config lists, and one of the heads of its task.
  var savedFindings: [Finding] {
    let config = rules.config
    let heads = (try? config.headModules) ?? []
    let anyHeads = Set(TaskType.allCases.flatMap(\.headModules))
    var present: Set<UTF8Text> = []
    var names: [String] = []
    for (_, name) in savedTensors where name.hasPrefix(rules.modelPrefix) {
      names.append(name)
      for module in saved.modules(of: TensorName(name)) { present.insert(UTF8Text(module)) }
    }
    var findings: [Finding] = []
    let listed = (try? config.value(BaseConfigFields.modulesToSave) ?? []) ?? []
    let absent = listed.filter { module in
      !anyHeads.contains(module) && module != Self.renamed && !present.contains(UTF8Text(module))
    }
    if let module = absent.first {
      let others = absent.count - 1
      let more = others == 0 ? "" : " or of \(others.counted("other module"))"
      // A list with modules of several kinds of models names some that the base model lacks.
      findings.append(
        Finding(
          present.isEmpty ? .error : .note, "missing-module",
          "the weights have no tensor of \(module)\(more) in \"modules_to_save\": PEFT raises "
            + "KeyError if the base model has the module", key: "modules_to_save"))
    }
    findings += embeddingFindings(names, listed)
    if !heads.isEmpty, present.isEmpty, let task = config.document["task_type"]?.string {
      let modules = heads.map { rules.modelPrefix + $0 }.joined(separator: " or ")
      // Models with an encoder and a decoder call their heads otherwise, so that PEFT does not save them.
      findings.append(
        Finding(
          adaptsEncoderAndDecoder ? .note : .error, "missing-module",
          "the weights have no tensor of \(modules), the head for \(task): PEFT raises KeyError if "
            + "the base model has one, and otherwise leaves the head untrained",
          key: listed.isEmpty ? nil : "modules_to_save"))
    }
    return findings + nestedFindings(names) + partFindings + tokenFindings
  }

  private var adaptsEncoderAndDecoder: Bool {
    let parts = modules.reduce(into: Set<Substring>()) { parts, module in
      for part in module.name.components.prefix(3) where ["encoder", "decoder"].contains(part) {
        parts.insert(part)
      }
    }
    return parts.count == 2
  }

  /// A finding about a saved module inside of another one: PEFT wraps both, and looks for the tensors of
  /// the inner one under a name that it has not saved.
  private func nestedFindings(_ names: [String]) -> [Finding] {
    let start = rules.modelPrefix.utf8.count
    guard
      let (outer, inner) = names.lazy.compactMap({ saved.nesting(of: TensorName($0), from: start) })
        .first
    else { return [] }
    let listed = (try? rules.config.value(BaseConfigFields.modulesToSave) ?? []) ?? []
    let task = rules.config.document["task_type"]?.string ?? ""
    let isListed = listed.contains { outer.hasSuffixBytes($0) }
    let reason =
      isListed ? "which is saved, too" : "which PEFT saves for \(task) without being told"
    return [
      Finding(
        .error, "nested-module",
        "\(inner) is saved, and is inside of \(outer), \(reason): PEFT raises KeyError; save one of the "
          + "two", key: "modules_to_save")
    ]
  }

  /// Findings about modules that are saved whole without their weight or bias.
  private var partFindings: [Finding] {
    var whole = WholeTensors()
    for (index, name) in savedTensors {
      guard let dot = name.lastIndex(of: ".") else { continue }
      whole.add(
        index, module: String(name[..<dot]), leaf: String(name[name.index(after: dot)...]))
    }
    let containers = Set(
      whole.modules.map { UTF8Text(String(NumberedName.parent(of: $0.name))) })
    return whole.modules.compactMap { module in
      // A module with others inside has parameters of its own kind.
      guard !containers.contains(UTF8Text(module.name)),
        let part = missingPart(of: module, in: whole)
      else { return nil }
      return Finding(
        .error, "missing-tensor",
        "the weights have no \(module.name).\(part), a module of \"modules_to_save\" with other "
          + "tensors: PEFT raises KeyError", key: "modules_to_save",
        tensor: TensorName(module.name + "." + part))
    }
  }

  /// The weight of a module with a bias, and of a normalization, or the bias of a module that has one
  /// in all classes of transformers; nil if it is there.
  private func missingPart(of module: WholeTensors.Module, in whole: WholeTensors) -> String? {
    let hasWeight = module.tensors.keys.contains { leaf in
      leaf.hasPrefix("weight") || leaf == "scale" || leaf == "gamma"
    }
    let hasBias = module.tensors["bias"] != nil
    // PEFT saves some biases of a module under the name of its copy, too.
    guard !module.name.components.contains("original_module"),
      whole[module.name + ".parametrizations.weight"].isEmpty
    else { return nil }
    if !hasWeight, hasBias || ModuleNames.isNormalization(module.name) { return "weight" }
    let endings = Self.biased + (hasBiasedClassifier ? ["classifier"] : [])
    let isBiased = endings.contains { module.name.hasSuffix("." + $0) || module.name == $0 }
    return isBiased && !hasBias && ModelRoots.describe(rules.config) ? "bias" : nil
  }

  /// Whether a head that is called classifier has a bias in all classes for the task. CTRL's for
  /// sequences has none.
  private var hasBiasedClassifier: Bool {
    let base = rules.config.document["base_model_name_or_path"]?.string ?? ""
    return switch rules.config.document["task_type"]?.string.flatMap(TaskType.init(rawValue:)) {
    case .tokenClassification: true
    case .sequenceClassification: !base.lowercased().containsBytes(of: "ctrl")
    default: false
    }
  }

  /// Modules that have a bias in all classes of transformers.
  private static let biased = [
    "pooler.dense", "qa_outputs", "gpt_neox.final_layer_norm", "model.decoder.final_layer_norm",
  ]

  /// An output layer that transformers 5 calls lm_head, so that PEFT neither trains nor saves it.
  private static let renamed = "embed_out"

  /// Findings about listed embeddings and output layers that have other tensors than their matrix.
  private func embeddingFindings(_ names: [String], _ listed: [String]) -> [Finding] {
    let tasks = ["CAUSAL_LM", "SEQ_2_SEQ_LM", "SEQ_CLS"]
    guard let task = rules.config.document["task_type"]?.string, tasks.contains(task) else {
      return []
    }
    return listed.compactMap { module in
      guard ModuleNames.isMatrix(module) else { return nil }
      let own = names.filter { $0.contains(module + ".") }
      // The tokens of a tied embedding are trained in the output layer, too, which is saved below.
      let endings = ["", ".token_adapter.base_layer"].map { module + $0 + ".weight" }
      let hasMatrix = own.contains { name in endings.contains(where: name.hasSuffix) }
      guard let other = own.first, !hasMatrix,
        let end = other.firstRange(of: module + ".")?.upperBound
      else { return nil }
      let expected = TensorName(other[..<end] + "weight")
      return Finding(
        .error, "missing-tensor",
        "the weights have no \(expected), but \(other), which the module does not have: PEFT raises "
          + "KeyError", key: "modules_to_save", tensor: expected)
    }
  }

  /// Findings about the tensors of trained tokens.
  private var tokenFindings: [Finding] {
    let key = TrainedTokens.key
    let all = TrainedTokens(rules.config).groups
    let groups = all.compactMap { group in group.indices.map { (group, $0) } }
    var findings = all.filter { $0.indices == nil }.map { group in
      Finding(
        .error, "wrong-type",
        "\((group.name ?? key).excerpt) in \"\(key)\" must have a list of tokens, but has "
          + "\(rules.config.document[key]?[group.name ?? ""]?.kindName ?? "none")", key: key)
    }
    if groups.isEmpty, rules.type == .lora, let (index, _) = tokenTensors.first {
      let tensor = weights.tensor(at: index).name
      findings.append(
        Finding(
          .error, "unexpected-tensor",
          "PEFT ignores \(tensor): \"\(key)\" names no tokens", key: key, tensor: tensor))
    }
    var isPresent: [Bool] = []
    for (group, indices) in groups {
      let tensors = tokenTensors.filter { group.isAbout($0.module) }
      isPresent.append(!tensors.isEmpty)
      for (index, _) in tensors {
        let tensor = weights.tensor(at: index)
        guard tensor.shape.rank != 2 || tensor.shape.dimensions[0] != UInt(indices.count) else {
          continue
        }
        findings.append(
          Finding(
            .error, "shape-mismatch",
            "\(tensor.name) has the shape \(tensor.shape), but the config says "
              + "[\(indices.count), dim] = [\(key), dim]", key: key, tensor: tensor.name))
      }
    }
    // Tied embeddings are saved once.
    let tied = zip(groups, isPresent).filter(\.1).map(\.0.1)
    for ((group, indices), isPresent) in zip(groups, isPresent)
    where !isPresent && !tied.contains(indices) {
      findings.append(
        Finding(
          .error, "missing-tensor",
          "the weights have no \(group.name.map { $0 + "." } ?? "")token_adapter.trainable_tokens_delta, "
            + "the tokens of \"\(key)\": PEFT raises KeyError", key: key))
    }
    return findings
  }
}
