// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

/// Tensors that belong to no single adapted module: those of modules that are saved whole, rows of
/// embeddings, and those that exist once.
extension BindingBuilder {
  /// Binds the tensors of a module that is saved whole, with the modules inside it.
  mutating func bindSaved(_ name: String) {
    var module = Binding.Module(name: name, isSaved: true, state: .bound)
    // A module that shares trained rows of the embedding is inside of another wrapper.
    let prefix =
      rules.modelPrefix + name
      + (adapted.tokenTied.contains(name) ? ".token_adapter.base_layer" : "")
    for part in tree.subtree(of: name) {
      var shapes: [String: (index: Int, shape: Shape)] = [:]
      for parameter in part.parameters {
        let tensor = prefix + part.name.dropFirst(name.count) + "." + parameter.name
        guard let index = index(of: tensor) else {
          module.missing.append(TensorName(tensor))
          required.append((tensor, name))
          continue
        }
        module.tensors += weights.names(of: index)
        let shape = weights.tensor(at: index).shape
        shapes[parameter.name] = (index, shape)
        let expected =
          parameter.shape.map { $0 == shape ? nil : "\($0)" }
          ?? expectation(of: parameter.name, shape, in: part)
        if let expected {
          misshapen.append((index, expected))
          module.state = .mismatched
          used.insert(index)
        } else {
          load(index)
        }
      }
      if part.parameters.contains(where: { $0.shape == nil }), let bias = shapes["bias"],
        let weight = shapes["weight"], module.state == .bound,
        bias.shape.dimensions.first != weight.shape.dimensions.first
      {
        misshapen.append(
          (weight.index, "as many rows as \(weights.tensor(at: bias.index).name) \(bias.shape)"))
        module.state = .mismatched
      }
    }
    guard !module.tensors.isEmpty || !module.missing.isEmpty else { return }
    if module.state == .bound, !module.missing.isEmpty { module.state = .missing }
    binding.missing += module.missing
    binding.modules.append(module)
  }

  /// What a parameter of a new layer must be, of which the base model's files tell nothing; nil if it is
  /// that. The input of a linear layer is as wide as something in the base model.
  private func expectation(of parameter: String, _ shape: Shape, in module: BaseModule) -> String? {
    guard !module.isPacked else { return nil }
    switch parameter {
    case "weight" where module.kind == .linear:
      guard shape.rank == 2 else { return "2 dimensions" }
      return tree.hasExtent(shape.dimensions[1])
        ? nil : "an input that is as wide as a layer of the model"
    case "bias": return shape.rank == 1 ? nil : "1 dimension"
    default: return nil
    }
  }

  /// Binds the rows of trained tokens.
  mutating func bindTokens(_ name: String) {
    let tensor = TensorPath.modelPrefix + name + ".token_adapter.trainable_tokens_delta"
    var module = Binding.Module(name: name + ".token_adapter", isSaved: true, state: .bound)
    defer { binding.modules.append(module) }
    guard let index = index(of: tensor) else {
      required.append((tensor, name))
      binding.missing.append(TensorName(tensor))
      module.state = .missing
      module.missing = [TensorName(tensor)]
      return
    }
    module.tensors = weights.names(of: index)
    load(index)
    let shape = weights.tensor(at: index).shape
    if let width = tree[name]?.shape(of: "weight")?.dimensions.last, shape.dimensions.last != width
    {
      misshapen.append((index, "\(Shape([shape.dimensions.first ?? 0, width]))"))
      module.state = .mismatched
    }
    if let rows = tree[name]?.shape(of: "weight")?.dimensions.first,
      let token = trainedTokens(of: name).first(where: { $0 < 0 || UInt($0) >= rows })
    {
      absentTokens.append((name, token, rows))
    }
  }

  /// The tokens whose rows of an embedding are trained, as far as they are whole numbers.
  private func trainedTokens(of module: String) -> [Int] {
    TrainedTokens(adapted.config).groups.first { $0.isAbout(module) }?.tokens ?? []
  }

  /// Binds tensors that exist once.
  mutating func bindShared(_ tensors: [ExpectedTensor]) {
    for expected in tensors {
      guard let index = weights.index(of: expected.name) ?? otherName(of: expected) else {
        if !expected.isOptional {
          binding.missing.append(expected.name)
          binding.missingShared.append(expected.name)
        }
        continue
      }
      let shape = weights.tensor(at: index).shape
      var values = ExtentValues()
      if expected.shape.isEmpty || expected.shape.accept(shape, in: &values) {
        load(index)
      } else {
        used.insert(index)
        let extents = expected.shape.map { $0.value(in: values).map(String.init) ?? $0.symbol }
        misshapen.append((index, "[\(extents.joined(separator: ", "))]"))
      }
    }
  }

  /// A tensor that exists once, by a name that PEFT takes as well: with the prefix of modules, and for a
  /// parameter of PEFT's model itself with the adapter's name. It does not for one of a list.
  private func otherName(of expected: ExpectedTensor) -> Int? {
    let name = expected.name.string
    guard !rules.isPromptLearning else { return nil }
    let isParameter = name.utf8.count { $0 == UInt8(ascii: ".") } == 1
    guard isParameter || name.contains(".default.") else { return nil }
    return index(of: TensorPath.modelPrefix + name)
      ?? (isParameter ? index(of: name + ".default") : nil)
  }

  /// The tensors of a network beside the base model, as far as they follow from it, and whether there may
  /// be others.
  var network: (tensors: [ExpectedTensor], isOpen: Bool) {
    guard rules.type.rawValue == "SHADOW" else { return ([], true) }
    let network = ShadowNetwork(adapted.config, tree, hiddenSize: hiddenSize)
    let tensors = network.tensors
    return (tensors, tensors.isEmpty || !network.isSameSize)
  }
}
