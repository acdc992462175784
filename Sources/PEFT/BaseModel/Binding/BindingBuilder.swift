// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

/// Finds what PEFT loads into the modules of a base model.
struct BindingBuilder {
  /// A module whose tensors have other shapes.
  struct Mismatch {
    let module: String
    let fit: FormFit
  }

  /// The tensors of the file, as PEFT converts them for the model.
  let weights: ConvertedAdapter
  let tree: ModuleTree
  let adapted: AdaptedModules
  private(set) var rules: AttachmentRules
  var binding = Binding()
  private(set) var mismatches: [Mismatch] = []
  /// Tensors that PEFT looks for and that are not there: it raises KeyError.
  private(set) var required: [(name: String, module: String)] = []
  /// Tensors of saved modules of another shape than the base model's.
  private(set) var resized: [(index: Int, shape: Shape)] = []
  /// The tensors that are accounted for.
  private var used: Set<Int> = []
  /// The adapted modules with their sizes.
  private var sharing: [AdaptedModule] = []
  /// The number of wrappers around each adapted module.
  private(set) var depths: [UTF8Text: Int] = [:]

  init(weights: ConvertedAdapter, tree: ModuleTree, adapted: AdaptedModules, rules: AttachmentRules)
  {
    self.weights = weights
    self.tree = tree
    self.adapted = adapted
    self.rules = rules
    binding.className = tree.className
  }

  /// Binds everything.
  ///
  /// - Complexity: O(modules · forms + tensors).
  mutating func bind() {
    for name in adapted.modules + adapted.tied {
      guard let module = tree[name] else { continue }
      bind(name, wrapper: "", module.layerKind, module.sizes, path: name)
      depths[UTF8Text(name)] = 1
      // LoRA adapts the output of an attention with its input.
      if module.kind == .attention, rules.type == .lora, let output = tree[name + ".out_proj"] {
        bind(name, wrapper: "base_layer.out_proj.", output.layerKind, output.sizes, path: name)
      }
    }
    for parameter in adapted.parameters {
      guard let module = tree[parameter.module] else { continue }
      bind(
        parameter.module, wrapper: String(repeating: "base_layer.", count: parameter.depth),
        .experts, module.sizes(ofParameter: parameter.name), path: parameter.path)
      depths[UTF8Text(parameter.module), default: 0] += 1
    }
    for name in adapted.saved { bindSaved(name) }
    for name in adapted.tokens { bindTokens(name) }
    for expected in rules.expected + rules.sharedTensors(sharing) { bindShared(expected) }
    bindBase()
    findMissingBiases()
  }

  func index(of name: String) -> Int? { weights.index(of: TensorName(name)) }

  /// The tensor of a parameter by its name in a file or, which PEFT takes as well, in a model.
  private func index(of leaf: String, in module: String) -> Int? {
    index(of: module + leaf) ?? index(of: module + TensorPath.nameInModel(leaf))
  }

  /// Takes a tensor as loaded.
  private mutating func load(_ index: Int) {
    guard used.insert(index).inserted else { return }
    binding.bound += weights.names(of: index)
  }

  /// Binds the tensors of one adapted module, or of one adapted parameter.
  private mutating func bind(
    _ name: String, wrapper: String, _ kind: LayerKind?, _ sizes: [(symbol: String, value: Int)],
    path: String
  ) {
    let forms = tree[name].flatMap(rules.copy).map { [$0] } ?? rules.forms(for: kind)
    var module = Binding.Module(name: path, isSaved: false, state: .bound)
    guard !forms.isEmpty else {
      // A method of which no form is described adapts what it likes.
      if rules.forms.isEmpty { return }
      module.state = .unsupported
      binding.modules.append(module)
      return
    }
    var values = rules.values(for: path)
    for (symbol, value) in sizes { values[symbol] = value }
    let start = TensorPath.modelPrefix + name + "." + wrapper
    var present: [String: Int] = [:]
    for tensor in forms.flatMap(\.tensors) where present[tensor.name] == nil {
      for leaf in [tensor.name, tensor.otherName].compactMap(\.self) {
        if let index = index(of: leaf, in: start) { present[tensor.name] = index }
      }
    }
    guard let (form, fit) = FormFit.best(of: forms, present, values, in: weights) else { return }
    sharing.append(AdaptedModule(name: path, values: fit.values))
    let wrong = Set(fit.mismatches.map(\.index))
    for tensor in form.tensors {
      guard let index = present[tensor.name] else {
        // A tied module has the tensor of the module that it is tied to.
        if !tensor.isOptional, !adapted.sharesTensors(name) {
          module.missing.append(TensorName(start + tensor.name))
        }
        continue
      }
      module.tensors += weights.names(of: index)
      if wrong.contains(index) { used.insert(index) } else { load(index) }
    }
    if !wrong.isEmpty {
      module.state = .mismatched
      mismatches.append(Mismatch(module: path, fit: fit))
    } else if !module.missing.isEmpty {
      module.state = .missing
    }
    binding.missing += module.missing
    binding.modules.append(module)
  }

  /// Binds the tensors of a module that is saved whole, with the modules inside it.
  private mutating func bindSaved(_ name: String) {
    var module = Binding.Module(name: name, isSaved: true, state: .bound)
    let prefix = rules.modelPrefix
    for part in tree.subtree(of: name) {
      for parameter in part.parameters {
        let tensor = prefix + part.name + "." + parameter.name
        guard let index = index(of: tensor) else {
          module.missing.append(TensorName(tensor))
          required.append((tensor, name))
          continue
        }
        module.tensors += weights.names(of: index)
        if let shape = parameter.shape, shape != weights.tensor(at: index).shape {
          resized.append((index, shape))
          module.state = .mismatched
          used.insert(index)
        } else {
          load(index)
        }
      }
    }
    guard !module.tensors.isEmpty || !module.missing.isEmpty else { return }
    if module.state == .bound, !module.missing.isEmpty { module.state = .missing }
    binding.missing += module.missing
    binding.modules.append(module)
  }

  /// Binds the rows of trained tokens.
  private mutating func bindTokens(_ name: String) {
    let tensor = TensorPath.modelPrefix + name + ".token_adapter.trainable_tokens_delta"
    guard let index = index(of: tensor) else {
      required.append((tensor, name))
      binding.missing.append(TensorName(tensor))
      return
    }
    load(index)
    if let width = tree[name]?.shape(of: "weight")?.dimensions.last,
      weights.tensor(at: index).shape.dimensions.last != width
    {
      resized.append(
        (index, Shape([weights.tensor(at: index).shape.dimensions.first ?? 0, width])))
    }
  }

  private mutating func bindShared(_ expected: ExpectedTensor) {
    if let index = weights.index(of: expected.name) ?? otherName(of: expected) {
      load(index)
    } else if !expected.isOptional {
      binding.missing.append(expected.name)
    }
  }

  /// A tensor that exists once, by a name that PEFT takes as well: with the adapter's name, or with
  /// the prefix of modules. It does not for one of a numbered list.
  private func otherName(of expected: ExpectedTensor) -> Int? {
    let name = expected.name.string
    guard !rules.isPromptLearning, name.last?.isNumber == false else { return nil }
    return index(of: name + ".default") ?? index(of: TensorPath.modelPrefix + name)
  }

  /// Takes the tensors of the base model itself, which PEFT loads over its own, and what is left.
  private mutating func bindBase() {
    var dead: [String: Binding.Module] = [:]
    var order: [String] = []
    for index in 0..<weights.tensorCount where !used.contains(index) {
      let tensor = weights.tensor(at: index)
      if rules.ownsSharedTensor(tensor.name) {
        load(index)
        continue
      }
      if let parameter = baseParameter(tensor.name.string) {
        if let shape = parameter.shape, shape != tensor.shape {
          resized.append((index, shape))
        } else {
          load(index)
        }
        continue
      }
      binding.dead += weights.names(of: index)
      guard let name = rules.module(of: tensor.name.string) else { continue }
      if dead[name] == nil {
        order.append(name)
        dead[name] = Binding.Module(name: name, isSaved: false, state: .dead)
      }
      dead[name]?.tensors += weights.names(of: index)
    }
    let known = Set(binding.modules.map { UTF8Text($0.name) })
    binding.modules += order.compactMap { dead[$0] }.filter { !known.contains(UTF8Text($0.name)) }
  }

  /// The model's own parameter of a name that has PEFT's wrappers; nil if there is none.
  private func baseParameter(_ name: String) -> BaseModule.Parameter? {
    guard name.hasPrefix(rules.modelPrefix) else { return nil }
    var path = name.dropFirst(rules.modelPrefix.count).split(
      separator: ".", omittingEmptySubsequences: false)
    guard let parameter = path.popLast() else { return nil }
    var wrappers = 0
    while path.last == "base_layer" {
      path.removeLast()
      wrappers += 1
    }
    let module = path.joined(separator: ".")
    guard wrappers == depths[UTF8Text(module)] ?? 0, let found = tree[module] else { return nil }
    return found.parameters.first { $0.name == parameter }
  }
}
