// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// The fewest biases of a layer that tell what the others have.
  private static let fewestPlaces = 3

  /// A finding about the only bias that one layer of a stack lacks and all other layers have, where the
  /// config trains biases (spec/adapter-methods.md, A13).
  ///
  /// - Complexity: O(tensors).
  var biasFindings: [Finding] {
    guard rules.learnsBias, !rules.isPromptLearning else { return [] }
    // The layers of each stack that have a bias at a place.
    var stacks: [String: [String: Set<Int>]] = [:]
    for index in others {
      let name = weights.tensor(at: index).name.string
      guard name.hasPrefix(TensorPath.modelPrefix), name.hasSuffix(".bias"),
        let (role, layer) = LayerRole.of(String(name.dropFirst(TensorPath.modelPrefix.count)))
      else { continue }
      stacks[role.stack, default: [:]][role.place, default: []].insert(layer)
    }
    return stacks.sorted { $0.key < $1.key }.compactMap { stack, places in
      let layers = places.values.reduce(into: Set<Int>()) { $0.formUnion($1) }
      let incomplete = places.filter { $0.value.count < layers.count }
      guard places.count >= Self.fewestPlaces, incomplete.count == 1,
        let (place, some) = incomplete.first,
        layers.count > 1, some.count == layers.count - 1,
        let layer = layers.subtracting(some).first
      else { return nil }
      let name = TensorName("\(TensorPath.modelPrefix)\(stack).\(layer).\(place)")
      return Finding(
        .error, "missing-tensor",
        "the weights have no \(name), which \"bias\" calls for, and which the other layers have: PEFT "
          + "leaves it at the value of the base model", key: "bias", tensor: name)
    }
  }
}
