// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension BindingBuilder {
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
      let depth = depths[UTF8Text(module.name)] ?? 0
      guard bias == "all" || depth > 0, module.parameters.contains(where: { $0.name == "bias" })
      else { continue }
      let wrappers = String(repeating: "base_layer.", count: depth)
      let name = rules.modelPrefix + module.name + "." + wrappers + "bias"
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
