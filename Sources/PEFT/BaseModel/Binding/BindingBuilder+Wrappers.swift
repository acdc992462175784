// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// Names of the base model's own tensors, which PEFT's wrappers become part of.
extension BindingBuilder {
  /// The path of a module of the base model in PEFT's model.
  ///
  /// - Parameter besideAttention: whether it is taken out of the wrapper of an attention, as PEFT has the
  ///   output projection once more where that is a target itself.
  private func wrapped(_ module: String, besideAttention: Bool = false) -> String {
    var path: [Substring] = []
    var own = ""
    for component in module.components {
      own += (own.isEmpty ? "" : ".") + component
      path.append(component)
      if besideAttention, tree[own]?.kind == .attention { continue }
      for _ in 0..<(depths[UTF8Text(own)] ?? 0) { path.append("base_layer") }
    }
    return path.dotted
  }

  /// The model's own parameter of a name that has PEFT's wrappers; nil if there is none.
  func baseParameter(_ name: String) -> BaseModule.Parameter? {
    guard name.hasPrefix(rules.modelPrefix) else { return nil }
    var path = name.dropFirst(rules.modelPrefix.count).components
    guard let parameter = path.popLast() else { return nil }
    // A saved module is there twice, as it was and as it is trained.
    if let copy = path.lastIndex(where: { $0 == "original_module" || $0 == "modules_to_save" }),
      adapted.saved.contains(path[..<copy].dotted)
    {
      path.remove(at: copy)
      if copy < path.count, path[copy] == "default" { path.remove(at: copy) }
    }
    let module = path.filter { $0 != "base_layer" }.dotted
    guard let found = tree[module],
      path.dotted == wrapped(module) || path.dotted == wrapped(module, besideAttention: true)
    else { return nil }
    return found.parameters.first { $0.name == parameter }
  }

  /// Finds the biases that the config has trained, and that are not in the file (spec/base-model.md,
  /// P23).
  ///
  /// - Complexity: O(modules).
  mutating func findMissingBiases() {
    guard !rules.isPromptLearning, let bias = rules.config.document["bias"]?.string, bias != "none"
    else { return }
    let saved = Set(adapted.saved.flatMap { tree.subtree(of: $0) }.map { UTF8Text($0.name) })
    var places: [UTF8Text: Int] = [:]
    for (place, module) in binding.modules.enumerated() { places[UTF8Text(module.name)] = place }
    for module in tree.modules where !saved.contains(UTF8Text(module.name)) {
      guard bias == "all" || depths[UTF8Text(module.name)] ?? 0 > 0,
        module.parameters.contains(where: { $0.name == "bias" })
      else { continue }
      let name = rules.modelPrefix + wrapped(module.name) + ".bias"
      guard index(of: name) == nil else { continue }
      let place = places[UTF8Text(module.name)] ?? binding.modules.endIndex
      if place == binding.modules.endIndex {
        binding.modules.append(Binding.Module(name: module.name, isSaved: false, state: .missing))
      }
      if binding.modules[place].state == .bound { binding.modules[place].state = .missing }
      binding.modules[place].missing.append(TensorName(name))
      binding.missing.append(TensorName(name))
    }
  }
}
