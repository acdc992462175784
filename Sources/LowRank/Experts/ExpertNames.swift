// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The names of the projections of experts, and of the module that contains them.
struct ExpertNames {
  /// The names of the two halves of `gate_up_proj`, and of `down_proj`.
  let gate: String
  let up: String
  let down: String
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
  struct Place {
    let parent: String
    let expert: Int
    let leaf: String
    let names: ExpertNames
  }

  /// Takes the name of a module apart; nil for one that is not of an expert.
  static func place(of name: String) -> Place? {
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
