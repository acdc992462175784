// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about tensors that belong neither to the method nor to a saved module.
  var otherFindings: [Finding] {
    rules.isPromptLearning ? promptOtherFindings : moduleOtherFindings
  }

  /// Tensors other than a prompt: embeddings of the base model, or unknown ones.
  private var promptOtherFindings: [Finding] {
    let width = expected.lazy.compactMap { expected in
      expected.shape.last { $0.symbol == "token_dim" }?.value(in: [:])
    }.first
    let embeddings = (width ?? weights.promptWidth).map { SavedEmbeddings(in: weights, width: $0) }
    return others.compactMap { index in
      let tensor = weights.tensor(at: index)
      if let embeddings, embeddings.contains(tensor.name) {
        return embeddings.finding(about: tensor)
      }
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(tensor.name): it belongs neither to \(rules.type.rawValue) nor to a module of "
          + "\"modules_to_save\"", tensor: tensor.name)
    }
  }

  /// A kind of tensor that PEFT treats alike.
  private enum Kind: Hashable {
    /// A weight of an adapted module under its name in the base model.
    case shadowed
    /// A weight of a module that the config adapts, and that has no tensors of the method.
    case targeted
    /// A tensor of an adapted module that the weights do not have.
    case orphaned
    /// A tensor of the base model under PEFT's name for it.
    case base
    /// A tensor of the state of an optimizer or a schedule.
    case training
    /// A tensor that PEFT does not look at.
    case foreign
  }

  /// Tensors other than those of modules.
  private var moduleOtherFindings: [Finding] {
    let adapted = Set(modules.map { UTF8Text(TensorPath.modelPrefix + $0.name) })
    let wrapped = Set(
      modules.map { module in
        UTF8Text(
          TensorPath.modelPrefix + (module.name.prefix(before: ".base_layer") ?? module.name))
      })
    var groups = FindingGroups<Kind>()
    var embeddings: [Finding] = []
    var selection = TargetSelection(rules.config)
    let roles = Set(modules.compactMap { LayerRole.of($0.name)?.role })
    for index in others {
      let tensor = weights.tensor(at: index)
      let name = tensor.name.string
      guard name.hasPrefix(TensorPath.modelPrefix) else {
        groups.add(index, to: Self.isOfTraining(name) ? .training : .foreign)
        continue
      }
      if isOrphaned(name, wrapped) || isUntargeted(name, &selection) {
        groups.add(index, to: .orphaned)
        continue
      }
      // PEFT saves every bias, also those that it does not load again.
      if rules.learnsBias && name.hasSuffix(".bias") { continue }
      let dot = name.lastIndex(of: ".") ?? name.startIndex
      // A name of a module, and not of a tensor of it, or one behind that of a tensor.
      if ModuleNames.isMatrix(name) || adapted.contains(UTF8Text(name))
        || Self.surplusEndings.contains(where: name.hasSuffix)
        || LayerRole.of(String(name.dropFirst(TensorPath.modelPrefix.count))).map({
          roles.contains($0.role)
        }) == true
      {
        groups.add(index, to: .foreign)
        continue
      }
      let module = String(name[..<dot])
      if adapted.contains(UTF8Text(module)) {
        groups.add(index, to: .shadowed)
      } else if rules.copyPrefix == nil, !rules.leavesOtherLayers, !tiesWeights,
        selection?.contains(String(module.dropFirst(TensorPath.modelPrefix.count))) == true
      {
        groups.add(index, to: .targeted)
      } else if let finding = embeddingFinding(tensor) {
        embeddings.append(finding)
      } else {
        groups.add(index, to: .base)
      }
    }
    for (index, _) in savedTensors {
      if let finding = embeddingFinding(weights.tensor(at: index)) { embeddings.append(finding) }
    }
    return embeddings + groups.findings { kind, tensors in finding(kind, tensors) }
  }

  private static let surplusEndings = [".weight.weight", ".bias.weight"]

  /// Whether a tensor is below the `base_layer` of a module without tensors of the method.
  private func isOrphaned(_ name: String, _ wrapped: Set<UTF8Text>) -> Bool {
    guard !modules.isEmpty, let module = name.prefix(before: ".base_layer."),
      !module.containsBytes(of: "token_adapter")
    else { return false }
    return !wrapped.contains(UTF8Text(module))
  }

  /// Whether a tensor is below the `base_layer` of a module that the config does not adapt.
  private func isUntargeted(_ name: String, _ selection: inout TargetSelection?) -> Bool {
    guard !tiesWeights, let module = name.prefix(before: ".base_layer."),
      !module.containsBytes(of: "token_adapter"), module.hasPrefix(TensorPath.modelPrefix)
    else { return false }
    let own = String(module.dropFirst(TensorPath.modelPrefix.count))
    return TargetParameters(rules.config).names(in: own).isEmpty
      && !own.hasSuffix("experts") && selection?.contains(own) == false
  }

  private func finding(_ kind: Kind, _ tensors: [Int]) -> Finding {
    let name = weights.tensor(at: tensors[0]).name
    let others = tensors.count - 1
    let more = others == 0 ? "" : " and \(others.counted("other tensor"))"
    switch kind {
    case .shadowed:
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(name)\(more): in an adapted module, the weights of the base model are below "
          + "base_layer", tensor: name)
    case .targeted:
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(name)\(more): \"target_modules\" adapts the module; if it was trained whole, it "
          + "must be in \"modules_to_save\"", key: "modules_to_save", tensor: name)
    case .orphaned:
      var selection = TargetSelection(rules.config)
      let isUntargeted = isUntargeted(name.string, &selection)
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(name)\(more): only adapted modules have a base_layer, and this one "
          + (isUntargeted
            ? "is not among the targets" : "has no tensor of \(rules.type.rawValue)"),
        key: isUntargeted ? "target_modules" : nil, tensor: name)
    case .base:
      return Finding(
        .note, "base-weights",
        "the weights contain \(name)\(more) of the base model, which PEFT loads over its own",
        tensor: name)
    case .training:
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(name)\(more), \(others == 0 ? "a tensor" : "tensors") of the state of "
          + "training, which \(others == 0 ? "is" : "are") of no use without the trainer's checkpoint",
        tensor: name, repairs: tensors.map { .removeTensor(weights.tensor(at: $0).name) })
    case .foreign:
      // `base_model.vera_A`, where the parameters of modules begin with `vera_lambda_`.
      let word = rules.parameterPrefix.prefix { $0 != "_" } + "_"
      let isProjection =
        name.string.hasPrefix(AdapterConfig.baseModelPrefix + word)
        && !rules.config.flag("save_projection", default: true)
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(name)\(more): \(others == 0 ? "it belongs" : "they belong") neither to "
          + "\(rules.type.rawValue) nor to a module of \"modules_to_save\""
          + (isProjection ? "; \"save_projection\" is false" : ""),
        key: isProjection ? "save_projection" : nil, tensor: name)
    }
  }

  /// Whether a tensor's name outside the base model is that of the state of an optimizer or a schedule.
  private static func isOfTraining(_ name: String) -> Bool {
    name.split(separator: ".").contains { trainingParts.contains($0) }
  }

  /// Parts of the names of an optimizer's and a schedule's state.
  private static let trainingParts: Set<Substring> = [
    "optimizer", "optimizer_state", "optimizer_states", "optimizer_state_dict", "exp_avg",
    "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "lr_scheduler", "lr_schedulers",
  ]

  /// The embeddings and output layers of language models.
  private static let embeddings: Set<Substring> = [
    "embed_tokens", "lm_head", "embed_out", "wte", "word_embeddings", "shared", "embed_in",
  ]

  /// A note about an embedding matrix; nil for other tensors.
  private func embeddingFinding(_ tensor: TensorInfo) -> Finding? {
    var path = tensor.name.string.split(separator: ".")
    guard tensor.shape.rank == 2, path.popLast() == "weight" else { return nil }
    if path.last == "base_layer" { path.removeLast() }
    guard let module = path.last, Self.embeddings.contains(module) else { return nil }
    return Finding(
      .note, "saved-embeddings",
      "\(tensor.name) \(tensor.shape) is an embedding matrix of the base model, which must have "
        + "\(tensor.shape.dimensions[0]) rows, too; vLLM and llama.cpp refuse such adapters",
      tensor: tensor.name)
  }
}
