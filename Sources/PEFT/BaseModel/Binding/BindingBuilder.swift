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

  /// An adapted module with those of its tensors that the file has.
  struct Member {
    let path: String
    let forms: [ModuleForm]
    /// The indices of the tensors, by their names below the module.
    let tensors: [String: Int]
    /// The values that the config and the base model give.
    let values: ExtentValues
  }

  /// The tensors of the file, as PEFT converts them for the model.
  let weights: ConvertedAdapter
  let tree: ModuleTree
  let adapted: AdaptedModules
  /// The width of the base model's hidden states, if its config tells it.
  let hiddenSize: Int?
  private(set) var rules: AttachmentRules
  /// How the reading release lays out the factors of parameters.
  let layout: ParameterLayout
  var binding = Binding()
  private(set) var members: [Member] = []
  private(set) var mismatches: [Mismatch] = []
  /// Tensors that PEFT looks for and that are not there: it raises KeyError.
  var required: [(name: String, module: String)] = []
  /// Tensors of another shape than the base model's, with that shape in words.
  var misshapen: [(index: Int, expected: String)] = []
  /// Trained tokens that an embedding has no row for, with the number of its rows.
  var absentTokens: [(module: String, token: Int, rows: UInt)] = []
  /// The tensors that are accounted for.
  var used: Set<Int> = []
  /// The adapted modules with their sizes.
  private var sharing: [AdaptedModule] = []
  /// The extents of tensors that modules share, by their symbols.
  private var sharedValues: [String: Int] = [:]
  /// The number of wrappers around each adapted module.
  private(set) var depths: [UTF8Text: Int] = [:]

  init(
    weights: ConvertedAdapter, tree: ModuleTree, adapted: AdaptedModules, rules: AttachmentRules,
    hiddenSize: Int?, layout: ParameterLayout
  ) {
    self.weights = weights
    self.tree = tree
    self.adapted = adapted
    self.rules = rules
    self.hiddenSize = hiddenSize
    self.layout = layout
    binding.className = tree.className
  }

  /// Binds everything.
  ///
  /// - Complexity: O(modules · forms + tensors).
  mutating func bind() {
    findSharedValues()
    for name in adapted.modules + adapted.tied {
      guard let module = tree[name] else { continue }
      let isTwice = adapted.twice.contains(name)
      for wrapper in isTwice ? ["", "base_layer."] : [""] {
        bind(name, wrapper: wrapper, module.layerKind, sizes(of: module), path: name)
      }
      depths[UTF8Text(name)] = isTwice ? 2 : 1
      // LoRA adapts the output of an attention with its input.
      let outer = name + ".out_proj"
      if module.kind == .attention, rules.type == .lora, let output = tree[outer] {
        bind(
          name, wrapper: "base_layer.out_proj.", output.layerKind, sizes(of: output), path: name)
        depths[UTF8Text(outer)] = 1
      }
    }
    for parameter in adapted.parameters {
      guard let module = tree[parameter.module] else { continue }
      bind(
        parameter.module, wrapper: String(repeating: "base_layer.", count: parameter.depth),
        .experts, module.sizes(ofParameter: parameter.name, layout: layout), path: parameter.path)
      depths[UTF8Text(parameter.module), default: 0] += 1
    }
    for name in adapted.saved { bindSaved(name) }
    for name in adapted.tokens { bindTokens(name) }
    let network = network
    bindShared(rules.expected + rules.sharedTensors(sharing) + network.tensors)
    bindBase(isOpen: network.isOpen)
    findMissingBiases()
  }

  /// Whether PEFT loads every tensor, and has no other ones.
  var isComplete: Bool {
    adapted.refusal == nil && !adapted.isIncomplete && binding.missing.isEmpty
      && binding.dead.isEmpty && mismatches.isEmpty && misshapen.isEmpty && required.isEmpty
      && binding.modules.allSatisfy { $0.state == .bound }
  }

  func index(of name: String) -> Int? { weights.index(of: TensorName(name)) }

  /// The tensor of a parameter by its name in a file or, which PEFT takes as well, in a model. Of two
  /// names, the model has the second.
  private func index(of tensor: ModuleTensor, in module: String) -> Int? {
    index(of: module + tensor.name)
      ?? tensor.otherName.flatMap { index(of: module + $0) }
      ?? (tensor.isTakenByNameInModel
        ? index(of: module + TensorPath.nameInModel(tensor.otherName ?? tensor.name)) : nil)
  }

  /// Takes a tensor as loaded.
  mutating func load(_ index: Int) {
    guard used.insert(index).inserted else { return }
    binding.bound += weights.names(of: index)
  }

  /// The sizes of a module that the base model tells.
  private func sizes(of module: BaseModule) -> [(symbol: String, value: Int)] {
    module.sizes + (hiddenSize.map { [("hidden_size", $0)] } ?? [])
  }

  /// Finds the extents that all modules together give shared tensors, and that copies of these in
  /// modules have, and the number of modules and of elements of their weights.
  private mutating func findSharedValues() {
    let modules = (adapted.modules + adapted.tied).compactMap { tree[$0] }.map { module in
      var values = rules.values(for: module.name)
      for (symbol, value) in module.sizes { values[symbol] = value }
      return AdaptedModule(name: module.name, values: values)
    }
    var ambiguous: Set<String> = []
    for extent in rules.sharedTensors(modules).flatMap(\.shape) {
      guard let value = extent.value(in: [:]) else { continue }
      if let other = sharedValues[extent.symbol], other != value { ambiguous.insert(extent.symbol) }
      sharedValues[extent.symbol] = value
    }
    for symbol in ambiguous { sharedValues[symbol] = nil }
    let elements = modules.reduce(into: Int?(0)) { sum, module in
      guard let total = sum, let inputs = module.values["in"], let outputs = module.values["out"]
      else { return sum = nil }
      let (product, isTooLarge) = inputs.multipliedReportingOverflow(by: outputs)
      let (next, overflow) = total.addingReportingOverflow(product)
      sum = isTooLarge || overflow ? nil : next
    }
    sharedValues["all modules"] = modules.count
    sharedValues["all elements"] = elements
  }

  /// Binds the tensors of one adapted module, or of one adapted parameter.
  private mutating func bind(
    _ name: String, wrapper: String, _ kind: LayerKind?, _ sizes: [(symbol: String, value: Int)],
    path: String
  ) {
    let forms = tree[name].flatMap(rules.copy).map { [$0] } ?? rules.forms(for: kind)
    var module = Binding.Module(name: path, isSaved: false, state: .bound)
    let isRefused =
      kind == .linear && tree[name]?.kind == .transposedLinear && !rules.adaptsTransposedLayers
    guard !forms.isEmpty, !isRefused else {
      // A method of which no form is described adapts what it likes.
      if rules.forms.isEmpty || rules.leavesOtherLayers { return }
      module.state = .unsupported
      binding.modules.append(module)
      return
    }
    var values = rules.values(for: path)
    for (symbol, value) in sizes { values[symbol] = value }
    for (symbol, value) in sharedValues where values[symbol] == nil { values[symbol] = value }
    let start = TensorPath.modelPrefix + name + "." + wrapper
    var present: [String: Int] = [:]
    for tensor in forms.flatMap(\.tensors) where present[tensor.name] == nil {
      if let index = index(of: tensor, in: start) { present[tensor.name] = index }
    }
    guard let (form, fit) = FormFit.best(of: forms, present, values, in: weights) else { return }
    members.append(Member(path: path, forms: forms, tensors: present, values: values))
    sharing.append(AdaptedModule(name: path, values: fit.values))
    let wrong = Set(fit.mismatches.map(\.index) + fit.empty)
    for tensor in form.tensors {
      guard let index = present[tensor.name] else {
        if !tensor.isOptional { module.missing.append(TensorName(start + tensor.name)) }
        continue
      }
      module.tensors += weights.names(of: index)
      if wrong.contains(index) {
        used.insert(index)
      } else if let expected = contradiction(tensor, fit.values) {
        used.insert(index)
        misshapen.append((index, expected))
        module.state = .mismatched
      } else {
        load(index)
        // Without sizes, any of two tensors that contradict each other may be wrong.
        if !fit.isUnused, wrong.isEmpty || !sizes.isEmpty {
          binding.fitting.formUnion(weights.names(of: index))
        }
      }
    }
    if fit.isUnused { module.state = .mismatched }
    if !wrong.isEmpty {
      module.state = .mismatched
      mismatches.append(Mismatch(module: path, fit: fit))
    } else if !module.missing.isEmpty {
      module.state = .missing
    }
    binding.missing += module.missing
    binding.modules.append(module)
  }

  /// What a tensor must be where the input channels that it has are no multiple of those of a group of
  /// the convolution; nil if they are, or are unknown.
  private func contradiction(_ tensor: ModuleTensor, _ values: ExtentValues) -> String? {
    guard let group = values["in / groups"], let inputs = values["in"], group >= 1 else {
      return nil
    }
    if inputs % group != 0 {
      return tensor.shape.contains { $0.symbol == "in" }
        ? "\(group) input channels in each group" : nil
    }
    guard let groups = values["groups"], groups != inputs / group,
      tensor.shape.contains(where: { $0.symbol == "r / groups" })
    else { return nil }
    return "as many groups as the convolution, \(inputs / group)"
  }

  /// Takes the tensors of the base model itself, which PEFT loads over its own, and what is left.
  ///
  /// - Parameter isOpen: whether the method may have more tensors that exist once than are known.
  private mutating func bindBase(isOpen: Bool) {
    var dead: [String: Binding.Module] = [:]
    var order: [String] = []
    for index in 0..<weights.tensorCount where !used.contains(index) {
      let tensor = weights.tensor(at: index)
      if isOpen, rules.ownsSharedTensor(tensor.name) {
        load(index)
        continue
      }
      if let parameter = baseParameter(tensor.name.string) {
        if let shape = parameter.shape, shape != tensor.shape {
          misshapen.append((index, "\(shape)"))
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
}
