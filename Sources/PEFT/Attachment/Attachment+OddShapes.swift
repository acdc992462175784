// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about the only tensor whose shape differs from that of the same tensor in other layers
  /// (spec/adapter-methods.md, A36). One exception among layers that are otherwise alike is damage;
  /// several are a model with layers of several kinds. The method's tensors and those of the base
  /// model are looked at by themselves.
  ///
  /// - Complexity: O(tensors).
  func oddShapeFindings(_ whole: WholeTensors) -> [Finding] {
    let ofMethod = methodFamilies
    let ofBase = whole.families.map { tensors in
      Family(tensors: tensors.filter { weights.tensor(at: $0).byteCount > 0 }, isClear: true)
    }
    let count = ofMethod.count + ofBase.count
    return [ofMethod, ofBase].compactMap { oddShapeFinding($0, of: count) }
  }

  /// The same tensor in several layers.
  private struct Family {
    let tensors: [Int]
    /// Whether it belongs to a part of a block. A module of two stages alone, such as a projection of
    /// a decoder, may well have a width for each.
    var isOfBlock = true
    /// Whether the modules fit their forms: a contradiction within a module is a finding of its own.
    let isClear: Bool
  }

  /// Whether the config gives single modules sizes of their own.
  var hasPatterns: Bool {
    rules.moduleSizes.contains { size in
      size.patternKey.flatMap { rules.config.document[$0]?.object }?.isEmpty == false
    }
  }

  /// The tensors of modules to which the config gives the same sizes.
  private var methodFamilies: [Family] {
    let differs = hasPatterns
    var rules = rules
    return LayerStacks(modules).roles.filter { $0.modules.count > 1 }.flatMap {
      role, members -> [Family] in
      let numbers = members.values.sorted()
      if differs {
        let sizes = numbers.map { number in
          let values = rules.values(for: modules[number].name)
          return rules.moduleSizes.map { values[$0.symbol] }
        }
        guard Set(sizes).count == 1 else { return [] }
      }
      let isClear = numbers.allSatisfy { fits[$0].isPerfect }
      return modules[numbers[0]].form.tensors.map { tensor in
        Family(
          tensors: numbers.compactMap { modules[$0].tensors[tensor.name] },
          isOfBlock: role.place.contains(".") || Self.isInEveryBlock(role.place), isClear: isClear)
      }
    }.filter { $0.tensors.count > 1 }
  }

  private func oddShapeFinding(_ families: [Family], of count: Int) -> Finding? {
    let odd = families.filter { family in
      Set(family.tensors.map { weights.tensor(at: $0).shape }).count > 1
    }
    guard odd.count == 1, odd[0].isClear,
      odd[0].tensors.count > 2 || count > 1 && odd[0].isOfBlock,
      let (tensor, usual) = exception(among: odd[0].tensors)
    else { return nil }
    let info = weights.tensor(at: tensor)
    return Finding(
      .error, "shape-mismatch",
      "\(info.name) has the shape \(info.shape), but the same tensor of "
        + "\((odd[0].tensors.count - 1).counted("other layer")) has \(usual): PEFT refuses it unless the "
        + "layers of the base model differ alike", tensor: info.name)
  }

  /// The only tensor that differs in shape from the others. Of two, it is the one whose shape fewer
  /// such tensors of other stacks have, or whose extents are less even, or less common among the
  /// other tensors.
  private func exception(among tensors: [Int]) -> (tensor: Int, usual: Shape)? {
    var shapes: [Shape: [Int]] = [:]
    for tensor in tensors { shapes[weights.tensor(at: tensor).shape, default: []].append(tensor) }
    let sorted = shapes.sorted { ($0.value.count, $0.value[0]) < ($1.value.count, $1.value[0]) }
    guard sorted.count == 2, sorted[0].value.count == 1 else { return nil }
    let odd = sorted[0].value[0]
    guard sorted[1].value.count == 1 else { return (odd, sorted[1].key) }
    let first = plainness(of: sorted[0].key, beside: sorted[1].key, like: odd)
    let second = plainness(of: sorted[1].key, beside: sorted[0].key, like: odd)
    return !second.lexicographicallyPrecedes(first)
      ? (odd, sorted[1].key) : (sorted[1].value[0], sorted[0].key)
  }

  /// How usual a shape is: how many tensors of the same name below their stacks have it, how many others
  /// if the number of dimensions differs, and, of the extents in which it differs from another, the power of two in them and how many
  /// tensors have them.
  private func plainness(of shape: Shape, beside other: Shape, like tensor: Int) -> [Int] {
    let ending = Self.ending(of: weights.tensor(at: tensor).name.string)
    let infos = modules.flatMap(\.tensors.values).map { weights.tensor(at: $0) }
    let equal = infos.filter { $0.shape == shape }
    let extents = zip(shape.dimensions, other.dimensions).filter { $0 != $1 }.map(\.0)
    return [
      equal.count { Self.ending(of: $0.name.string) == ending },
      shape.rank == other.rank ? 0 : equal.count,
      extents.map(\.trailingZeroBitCount).min() ?? 0,
      infos.count { $0.shape.dimensions.contains(where: extents.contains) },
    ]
  }

  /// The part of a tensor's name behind the last number before its module's last component:
  /// `DenseReluDense.wo.oft_R.weight`.
  private static func ending(of name: String) -> String {
    let path = name.components
    let start = path.dropLast().lastIndex { Int($0) != nil }.map { $0 + 1 } ?? 0
    return path[start...].dotted
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
