// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The names of the projections of experts, and of the module that contains them.
package struct ExpertNames: Sendable {
  /// The name of the first half of `gate_up_proj`.
  package let gate: String
  /// The name of its second half.
  package let up: String
  /// The name of `down_proj`.
  package let down: String
  /// The parent of `experts`, where transformers 4 and 5 differ.
  private let parents: (separate: String, fused: String)?

  /// Those of most models.
  static let usual = ExpertNames(
    gate: "gate_proj", up: "up_proj", down: "down_proj", parents: nil)
  /// Those of Mixtral.
  static let mixtral = ExpertNames(
    gate: "w1", up: "w3", down: "w2", parents: ("block_sparse_moe", "mlp"))

  /// The parameters of stacked experts.
  static let gateUp = "gate_up_proj"
  static let stackedDown = "down_proj"

  /// A projection of one expert: `PARENT.experts.NUMBER.LEAF`.
  package struct Place: Sendable {
    /// The path of the module with the experts.
    package let parent: String
    /// The number of the expert.
    package let expert: Int
    /// The last component of the name.
    package let leaf: String
    /// The names that the model has.
    package let names: ExpertNames
  }

  /// Takes the name of a module apart; nil for one that is not of an expert.
  package static func place(of name: String) -> Place? {
    let path = name.components
    guard path.count > 3, path[path.count - 3] == "experts",
      let expert = Int(path[path.count - 2]), expert >= 0, String(expert) == path[path.count - 2]
    else { return nil }
    let leaf = String(path[path.count - 1])
    guard let names = [usual, mixtral].first(where: { [$0.gate, $0.up, $0.down].contains(leaf) })
    else { return nil }
    return Place(
      parent: path.dropLast(2).dotted, expert: expert, leaf: leaf, names: names)
  }

  /// The path of the stacked experts with these separate ones.
  func fusedParent(of parent: String) -> String {
    parents.map { Self.replacing($0.separate, with: $0.fused, in: parent) } ?? parent
  }

  /// The path of the separate experts of these stacked ones.
  func separateParent(of parent: String) -> String {
    parents.map { Self.replacing($0.fused, with: $0.separate, in: parent) } ?? parent
  }

  private static func replacing(_ old: String, with new: String, in parent: String) -> String {
    var path = parent.components
    if path.count > 1, path[path.count - 2] == old { path[path.count - 2] = Substring(new) }
    return path.dotted
  }

  /// Whether a module is of experts, stacked or not.
  static func isExpert(_ module: LowRankModule) -> Bool {
    if case .experts = module.kind { true } else { place(of: module.name) != nil }
  }
}
