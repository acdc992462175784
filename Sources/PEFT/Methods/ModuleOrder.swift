// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The position of a tensor in a module's state dict, as far as its name determines it.
///
/// A state dict lists a module's own tensors before those of its submodules, both in the order in
/// which the class creates them. By convention `weight` is before `bias`, numbered modules are in
/// the order of their numbers, and `pre_classifier` is before `classifier`. Other names are in byte
/// order.
struct ModuleOrder: Comparable {
  private let path: [Component]

  /// The indices of tensors, sorted by module order.
  ///
  /// - Complexity: O(indices · log indices).
  static func sorted(_ indices: [Int], of tensors: [TensorInfo]) -> [Int] {
    indices.map { (place: ModuleOrder(tensors[$0].name), index: $0) }
      .sorted { $0.place < $1.place }
      .map(\.index)
  }

  init(_ name: TensorName) {
    let parts = name.string.utf8.split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    path = parts.enumerated().map { place, part in
      let text = String(Substring(part))
      return place == parts.count - 1 ? .tensor(text) : .module(text)
    }
  }

  static func == (left: Self, right: Self) -> Bool {
    left.path == right.path
  }

  static func < (left: Self, right: Self) -> Bool {
    left.path.lexicographicallyPrecedes(right.path)
  }

  private struct Component: Comparable {
    /// The group: tensors come before modules.
    private let group: Int
    private let number: Int
    private let text: String
    /// Whether the prefix `pre_` was removed from the text.
    private let comesFirst: Bool

    /// The tensors of common modules, in the order of creation.
    private static let tensors = [
      "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
    ]

    private init(group: Int, number: Int = 0, text: String, comesFirst: Bool = false) {
      self.group = group
      self.number = number
      self.text = text
      self.comesFirst = comesFirst
    }

    static func tensor(_ text: String) -> Self {
      guard let number = tensors.firstIndex(of: text) else { return Self(group: 1, text: text) }
      return Self(group: 0, number: number, text: text)
    }

    static func module(_ text: String) -> Self {
      if let number = Int(text) { return Self(group: 2, number: number, text: text) }
      let comesFirst = text.utf8.starts(with: "pre_".utf8)
      let base = comesFirst ? String(text.dropFirst("pre_".count)) : text
      return Self(group: 3, text: base, comesFirst: comesFirst)
    }

    static func == (left: Self, right: Self) -> Bool {
      left.group == right.group && left.number == right.number
        && left.text.utf8.elementsEqual(right.text.utf8) && left.comesFirst == right.comesFirst
    }

    static func < (left: Self, right: Self) -> Bool {
      if left.group != right.group { return left.group < right.group }
      if left.number != right.number { return left.number < right.number }
      if !left.text.utf8.elementsEqual(right.text.utf8) {
        return left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
      }
      return left.comesFirst && !right.comesFirst
    }
  }
}
