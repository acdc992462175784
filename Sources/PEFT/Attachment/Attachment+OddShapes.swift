// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// A finding about the only tensor whose shape differs from that of the same tensor in other layers
  /// (spec/adapter-methods.md, A36). One exception among layers that are otherwise alike is damage;
  /// several are a model with layers of several kinds.
  ///
  /// - Complexity: O(tensors).
  var oddShapeFindings: [Finding] {
    guard !hasPatterns else { return [] }
    return oddShapeFinding(LayerStacks(modules)).map { [$0] } ?? []
  }

  /// Whether the config gives single modules sizes of their own.
  var hasPatterns: Bool {
    rules.moduleSizes.contains { size in
      size.patternKey.flatMap { rules.config.document[$0]?.object }?.isEmpty == false
    }
  }

  private func oddShapeFinding(_ stacks: LayerStacks) -> Finding? {
    var odd: [Int]?
    var familyCount = 0
    for (_, members) in stacks.roles where members.count > 1 {
      let numbers = members.values.sorted()
      for tensor in modules[numbers[0]].form.tensors {
        let family = numbers.compactMap { modules[$0].tensors[tensor.name] }
        guard let first = family.first, family.count > 1 else { continue }
        familyCount += 1
        let shape = weights.tensor(at: first).shape
        guard family.contains(where: { weights.tensor(at: $0).shape != shape }) else { continue }
        // A contradiction within a module is a finding of its own.
        guard odd == nil, numbers.allSatisfy({ fits[$0].isPerfect }) else { return nil }
        odd = family
      }
    }
    guard let odd, odd.count > 2 || familyCount > 1,
      let (tensor, usual) = exception(among: odd)
    else { return nil }
    let info = weights.tensor(at: tensor)
    return Finding(
      .error, "shape-mismatch",
      "\(info.name) has the shape \(info.shape), but the same tensor of "
        + "\((odd.count - 1).counted("other layer")) has \(usual): PEFT refuses it unless the "
        + "layers of the base model differ alike", tensor: info.name)
  }

  /// The only tensor that differs in shape from the others. Of two, it is the one whose extents are
  /// less even, or less common among the other tensors.
  private func exception(among tensors: [Int]) -> (tensor: Int, usual: Shape)? {
    var shapes: [Shape: [Int]] = [:]
    for tensor in tensors { shapes[weights.tensor(at: tensor).shape, default: []].append(tensor) }
    let sorted = shapes.sorted { ($0.value.count, $0.value[0]) < ($1.value.count, $1.value[0]) }
    guard sorted.count == 2, sorted[0].value.count == 1 else { return nil }
    let odd = sorted[0].value[0]
    guard sorted[1].value.count == 1 else { return (odd, sorted[1].key) }
    let first = plainness(of: sorted[0].key, beside: sorted[1].key)
    let second = plainness(of: sorted[1].key, beside: sorted[0].key)
    return first <= second ? (odd, sorted[1].key) : (sorted[1].value[0], sorted[0].key)
  }

  /// How usual the extents of a shape are where it differs from another: the power of two in them,
  /// and how many tensors have them.
  private func plainness(of shape: Shape, beside other: Shape) -> (Int, Int) {
    let extents = zip(shape.dimensions, other.dimensions).filter { $0 != $1 }.map(\.0)
    let evenness = extents.map(\.trailingZeroBitCount).min() ?? 0
    let count = modules.flatMap(\.tensors.values).count { tensor in
      weights.tensor(at: tensor).shape.dimensions.contains(where: extents.contains)
    }
    return (evenness, count)
  }

  /// The tensor to blame where the tensors of a module contradict each other: the only one whose
  /// shape is not that of the same tensor in another layer.
  func contradicting(_ number: Int, _ siblings: [Int: Int]) -> (tensor: Int, usual: Shape)? {
    guard let sibling = siblings[number], fits[sibling].isPerfect else { return nil }
    let odd = modules[number].tensors.compactMap { name, tensor -> (tensor: Int, usual: Shape)? in
      guard let other = modules[sibling].tensors[name] else { return nil }
      let usual = weights.tensor(at: other).shape
      return weights.tensor(at: tensor).shape == usual ? nil : (tensor, usual)
    }
    return odd.count == 1 ? odd[0] : nil
  }
}
