// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// Tensors that replace those of the base model (spec/merging.md, MG25 and MG26).
extension AdapterChanges {
  private static let modelPrefix = "base_model.model."
  private static let rows = "trainable_tokens_delta"

  /// Adds the base model's own tensors that are in the file: trained biases, and whole embeddings beside
  /// the update of one. PEFT loads them over those of the base model, before it merges.
  mutating func addOwnTensors() throws(CheckpointError) {
    let prefix = try adapter.config.method.parameterPrefix
    let (weights, saved) = (adapter.weights, Set(loaded.placement.saved))
    for index in 0..<weights.tensorCount {
      let name = weights.tensor(at: index).name.string
      guard name.hasPrefix(Self.modelPrefix) else { continue }
      let path = name.dropFirst(Self.modelPrefix.count).components
      guard !path.contains(where: { !prefix.isEmpty && $0.hasPrefix(prefix) }),
        path.last.map({ $0 != Self.rows }) ?? false
      else { continue }
      let plain = path.filter { $0 != "base_layer" && $0 != "token_adapter" }
      let module = plain.dropLast().dotted
      guard !isInside(module, saved) else { continue }
      guard let parameter = plain.last, let found = tree[module],
        found.parameters.contains(where: { $0.name == parameter })
      else {
        throw CheckpointError(
          .unsupported, "has no place in the base model", path: source.adapter.weights.path,
          tensor: TensorName(name))
      }
      // Tied modules share the tensor that PEFT loads the values into.
      let source = parameter == "weight" ? tree.tied.first { $0.module == module }?.source : nil
      let owner = source ?? module
      guard source == nil || !changes.contains(where: { $0.place == Place(owner, "weight") }) else {
        continue
      }
      try refuseScale("it replaces \(plain.dotted.printable)")
      add(
        .replacement(try FactorView(weights, at: index)), to: owner, String(parameter),
        isShared: true)
    }
  }

  /// Whether a module is one of these, or inside of one.
  private func isInside(_ module: String, _ saved: Set<String>) -> Bool {
    var path = ""
    for component in module.components {
      path += (path.isEmpty ? "" : ".") + component
      if saved.contains(path) { return true }
    }
    return false
  }

  /// Adds modules that are saved whole, and rows of trained tokens.
  mutating func addSaved() throws(CheckpointError) {
    let (placement, weights) = (loaded.placement, adapter.weights)
    for saved in placement.saved where !placement.following.contains(saved) {
      try refuseScale("it saves \(saved.printable) whole")
      for module in tree.subtree(of: saved) {
        for parameter in module.parameters {
          let names = ["", ".token_adapter.base_layer"].map {
            TensorName(
              Self.modelPrefix + saved + $0 + module.name.dropFirst(saved.count) + "."
                + parameter.name)
          }
          guard let index = names.lazy.compactMap({ weights.index(of: $0) }).first else {
            throw refusal(
              saved, "has no \(parameter.name.printable) in the adapter", code: .missing)
          }
          add(
            .replacement(try FactorView(weights, at: index)), to: module.name, parameter.name)
        }
      }
    }
    let groups = TrainedTokens(adapter.config).groups
    for name in placement.tokens {
      let tokens = groups.first { $0.isAbout(name) }?.tokens ?? []
      try addRows(of: name, tokens, tensor: "\(name).token_adapter.\(Self.rows)")
    }
  }

  /// Adds the rows of an adapter of trained tokens alone.
  mutating func addTokenEmbeddings() throws(CheckpointError) {
    let tokens = (adapter.config.document["token_indices"]?.array ?? []).compactMap(\.integer)
    for name in loaded.placement.modules where !loaded.placement.following.contains(name) {
      try addRows(of: name, tokens, tensor: "\(name).\(Self.rows)")
    }
  }

  private mutating func addRows(
    of name: String, _ tokens: [Int], tensor: String
  ) throws(CheckpointError) {
    let tensor = TensorName(Self.modelPrefix + tensor)
    guard let index = adapter.weights.index(of: tensor) else {
      throw refusal(name, "has no trained rows in the adapter", code: .missing)
    }
    let view = try FactorView(adapter.weights, at: index)
    guard let shape = try module(name).shape(of: "weight"), shape.rank == 2,
      view.sizes.count == 2, view.sizes[0] == tokens.count,
      UInt(view.sizes[1]) == shape.dimensions[1],
      tokens.allSatisfy({ $0 >= 0 && UInt($0) < shape.dimensions[0] })
    else {
      throw refusal(
        name,
        "has trained rows \(Shape(view.sizes)) for \(tokens.count) tokens, which do not fit the base "
          + "model", code: .mismatch)
    }
    try refuseScale("it replaces rows of \(name.printable)")
    add(.rows(tokens, view), to: name)
  }

  /// Adds the normalization layers of LN tuning, which replace those of the base model.
  mutating func addNorms() throws(CheckpointError) {
    try refuseScale("it replaces normalization layers")
    for name in loaded.placement.modules {
      for parameter in try module(name).parameters {
        let tensor = TensorName("\(Self.modelPrefix)\(name).ln_tuning_layers.\(parameter.name)")
        guard let index = adapter.weights.index(of: tensor) else {
          throw refusal(name, "has no \(parameter.name.printable) in the adapter", code: .missing)
        }
        add(.replacement(try FactorView(adapter.weights, at: index)), to: name, parameter.name)
      }
    }
  }
}
