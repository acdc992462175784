// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
public import Tensors

/// The tensors of an adapter, sorted by the modules of the base model that they belong to.
///
/// The names of a method's tensors say where PEFT attaches them: `base_model.model.`, the name of the
/// module, and a name below it. An attachment reads the names as PEFT does, and recognizes those that
/// PEFT does not find. It needs neither the base model nor the data of the tensors.
public struct Attachment: Sendable {
  /// The adapted modules, in the order of the file.
  public private(set) var modules: [AttachedModule] = []
  /// How well the tensors of each module fit its form.
  private(set) var fits: [FormFit] = []

  /// A tensor under a name that PEFT does not find.
  struct Misnamed {
    let index: Int
    let canonical: String
    let faults: [NameFault]
    /// The name below the module in the file.
    let isParameter: Bool
  }
  private(set) var misnamed: [Misnamed] = []
  /// The tensors whose names look like those of the method's parameters, but are not.
  private(set) var unknownParameters: [Int] = []
  /// The tensors of modules that are saved whole, with their names as PEFT expects them.
  private(set) var savedTensors: [(index: Int, name: String)] = []
  /// The tensors of trained tokens, with the names of their embeddings.
  private(set) var tokenTensors: [(index: Int, module: String)] = []
  /// All other tensors.
  private(set) var others: [Int] = []
  /// The tensors that exist once, as the config and the modules call for them.
  private(set) var expected: [ExpectedTensor] = []
  /// The indices of those that are in the file, and of others of that kind.
  private(set) var shared: Set<Int> = []
  /// Findings about their presence and shapes.
  private(set) var expectedFindings: [Finding] = []

  let weights: any TensorArchive
  private(set) var rules: AttachmentRules
  let saved: SavedModules
  /// Whether the base model is a class of transformers, as far as the config says.
  private let isOfTransformers: Bool

  /// Sorts the tensors of an adapter.
  ///
  /// - Complexity: O(tensors · forms); no tensor data is read.
  public init(_ config: AdapterConfig, _ weights: any TensorArchive) throws(CheckpointError) {
    self.init(AttachmentRules(try config.method, config), weights)
  }

  init(_ rules: AttachmentRules, _ weights: any TensorArchive) {
    self.rules = rules
    self.weights = weights
    saved = SavedModules((try? rules.config.savedModules) ?? [])
    isOfTransformers = ModelRoots.describe(rules.config)
    let leaves = LeafTable(rules)
    var places: [UTF8Text: Int] = [:]
    var members: [(name: String, tensors: [String: Int])] = []
    for index in 0..<weights.tensorCount {
      let name = weights.tensor(at: index).name
      let path = name.string.components
      guard !rules.isPromptLearning, let match = leaves.match(path), match.moduleCount > 1 else {
        sortOut(index, name, path)
        continue
      }
      var place = TensorPath(path[..<match.moduleCount], isOfTransformers: isOfTransformers)
      place.removeAdapterName()
      guard let leaf = match.leaf, !place.module.isEmpty else {
        if !isWrapped(path) { unknownParameters.append(index) }
        continue
      }
      let module = place.module.dotted
      let faults = place.faults + (match.fault.map { [$0] } ?? [])
      let number = places[UTF8Text(module)] ?? members.count
      if number == members.count {
        places[UTF8Text(module)] = number
        members.append((module, [:]))
      }
      let leafName = leaves.names[leaf]
      guard members[number].tensors[leafName] == nil else {
        if !isWrapped(path) { unknownParameters.append(index) }
        continue
      }
      members[number].tensors[leafName] = index
      if !faults.isEmpty {
        let canonical = TensorPath.modelPrefix + module + "." + leafName
        misnamed.append(
          Misnamed(index: index, canonical: canonical, faults: faults, isParameter: true))
      }
    }
    for (name, tensors) in members { attach(name, tensors) }
    findShared()
  }

  /// Finds the tensors that exist once.
  private mutating func findShared() {
    expected =
      rules.expected
      + rules.sharedTensors(modules.map { AdaptedModule(name: $0.name, values: $0.values) })
    for tensor in expected {
      if let index = weights.index(of: tensor.name) { shared.insert(index) }
    }
    expectedFindings = expected.findings(in: weights)
    for rename in expectedFindings.flatMap(\.renames) {
      if let index = weights.index(of: rename.from) { shared.insert(index) }
    }
    others.removeAll(where: shared.contains)
    unknownParameters.removeAll(where: shared.contains)
  }

  /// Whether a parameter is one that `modules_to_save` wrapped, and that is saved under its own
  /// name, too: a name such as `norm` also ends the names of parameters.
  private func isWrapped(_ path: [Substring]) -> Bool {
    guard let start = path.lastIndex(where: { $0 == "modules_to_save" || $0 == "original_module" })
    else { return false }
    return weights.index(of: TensorName(path[..<start].dotted)) != nil
  }

  /// The adapter's name in the name of a tensor of the base model.
  private static let surplusName = NameFault.adapterName("default", isTaken: false)

  /// Sorts a tensor that is not the prompt.
  private mutating func sortOutBesidePrompt(
    _ index: Int, _ name: TensorName, _ path: [Substring]
  ) {
    guard saved.contains(name) else {
      others.append(index)
      return
    }
    var own = path
    var fault = Self.surplusName
    if own.dropLast().last == "default" {
      own.remove(at: own.count - 2)
    } else if let plain = withoutSuffix(own) {
      fault = .suffix
      own = plain
    }
    if own.first != "base_model" {
      fault = .noPromptPrefix
      own.insert("base_model", at: 0)
    } else if own.dropFirst().first == "model", isHead(own.dropFirst(2).first) {
      // Heads of tasks are at the top of the model.
      fault = .modulePrefix
      own.remove(at: 1)
    }
    let canonical = own.dotted
    guard own != path, weights.index(of: TensorName(canonical)) == nil else {
      savedTensors.append((index, name.string))
      return
    }
    savedTensors.append((index, canonical))
    misnamed.append(
      Misnamed(index: index, canonical: canonical, faults: [fault], isParameter: false))
  }

  /// Sorts a tensor of a network of the method's own.
  private mutating func sortOutShared(_ index: Int, _ path: [Substring]) {
    shared.insert(index)
    guard let plain = withoutSuffix(path) else { return }
    let canonical = plain.dotted
    guard weights.index(of: TensorName(canonical)) == nil else { return }
    misnamed.append(
      Misnamed(index: index, canonical: canonical, faults: [.suffix], isParameter: true))
  }

  /// A path without a `weight` behind the name of a tensor; nil if there is none. A saved module may
  /// have the name of a tensor.
  private func withoutSuffix(_ path: [Substring]) -> [Substring]? {
    guard path.count > 2, path.last == "weight",
      ["weight", "bias"].contains(path[path.count - 2]),
      !saved.modules(of: TensorName(path.dotted)).contains(where: { name in
        ["weight", "bias"].contains(NumberedName.last(of: name))
      })
    else { return nil }
    return path.dropLast()
  }

  /// Whether a module is a head of the config's task.
  private func isHead(_ module: Substring?) -> Bool {
    guard let module, let heads = try? rules.config.headModules else { return false }
    return heads.contains(String(module))
  }

  private mutating func attach(_ name: String, _ tensors: [String: Int]) {
    let values = rules.values(for: name)
    guard let (form, fit) = FormFit.best(of: rules.forms, tensors, values, in: weights) else {
      return
    }
    modules.append(
      AttachedModule(name: name, form: form, values: fit.values, tensors: tensors))
    fits.append(fit)
  }

  /// Sorts a tensor that does not belong to the method.
  private mutating func sortOut(_ index: Int, _ name: TensorName, _ path: [Substring]) {
    guard !rules.ownsSharedTensor(name) else {
      sortOutShared(index, path)
      return
    }
    if rules.isPromptLearning {
      sortOutBesidePrompt(index, name, path)
      return
    }
    var path = path
    var fault: NameFault?
    if let wrapper = path.lastIndex(of: "modules_to_save") {
      // A component that is not PEFT's usual name for an adapter may be a part of the module.
      let next = path[wrapper...].dropFirst().dropLast().first
      let adapter = next.flatMap { $0.hasPrefix("default") ? $0 : nil }
      fault =
        adapter.map { .adapterName("modules_to_save." + $0, isTaken: false) }
        ?? .wrapper("modules_to_save.")
      path.removeSubrange(wrapper...(adapter == nil ? wrapper : wrapper + 1))
    }
    let tokens = path.firstIndex(of: "token_adapter")
    if let tokens, path[tokens...].starts(with: ["token_adapter", "trainable_tokens_delta"]),
      path.count > tokens + 2
    {
      fault = .adapterName(path[(tokens + 2)...].dotted, isTaken: false)
      path.removeSubrange((tokens + 2)...)
    }
    if fault == nil, path.dropLast().last == "default" {
      fault = Self.surplusName
      path.remove(at: path.count - 2)
    }
    if fault == nil, let plain = withoutSuffix(path) {
      fault = .suffix
      path = plain
    }
    let place = TensorPath(path[...], isOfTransformers: isOfTransformers)
    let canonical = rules.modelPrefix + place.module.dotted
    let faults = place.faults + (fault.map { [$0] } ?? [])
    // PEFT saves biases of modules that are saved whole under several names, and loads one.
    let isCopy = fault != nil && fault != Self.surplusName && fault != .suffix
    if rules.learnsBias, !isCopy, !faults.isEmpty, canonical.hasSuffix(".bias"),
      weights.index(of: TensorName(canonical)) == nil
    {
      misnamed.append(
        Misnamed(index: index, canonical: canonical, faults: faults, isParameter: true))
      return
    }
    let isToken = tokens != nil && canonical.hasSuffix(".token_adapter.trainable_tokens_delta")
    let isKnown = isToken || saved.contains(TensorName(canonical))
    guard isKnown, faults.isEmpty || weights.index(of: TensorName(canonical)) == nil else {
      others.append(index)
      return
    }
    if isToken {
      let module = place.module.dropLast(2).dotted
      tokenTensors.append((index, module))
    } else {
      savedTensors.append((index, canonical))
    }
    if !faults.isEmpty {
      misnamed.append(
        Misnamed(index: index, canonical: canonical, faults: faults, isParameter: false))
    }
  }
}

extension Attachment {
  /// The modules of the base model that the adapter has whole or single rows of, in the order of the file.
  ///
  /// - Complexity: O(tensors).
  package var wholeModules: [String] {
    var known: Set<UTF8Text> = []
    let saved = savedTensors.compactMap { _, name -> String? in
      guard name.hasPrefix(rules.modelPrefix), let dot = name.lastIndex(of: ".") else { return nil }
      return String(name[..<dot].dropFirst(rules.modelPrefix.count))
    }
    return (saved + tokenTensors.map(\.module)).filter { known.insert(UTF8Text($0)).inserted }
  }

  /// The tensors whose elements have one value before training, with which the adapter changes
  /// nothing: LoRA's B, for example.
  ///
  /// - Complexity: O(modules).
  public var untrainedValues: [(tensor: Int, value: UntrainedValue)] {
    modules.flatMap { module in
      module.form.tensors.compactMap { tensor in
        guard let value = tensor.untrained, let index = module.tensors[tensor.name] else {
          return nil
        }
        return (index, value)
      }
    }
  }
}
