// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The name of a module in a numbered list of modules, such as the layers of a model.
struct NumberedName: Hashable {
  /// The name of the list: `model.layers`.
  let list: String
  /// The number in the list.
  let number: Int
  /// The name in the layer: `self_attn.q_proj`.
  let member: String

  /// The readings of a name, one for each number in it.
  ///
  /// - Complexity: O(name) for each of at most four numbers.
  static func readings(of name: String) -> [NumberedName] {
    let path = name.components
    var readings: [NumberedName] = []
    for index in path.indices where readings.count < 4 {
      guard let number = Int(path[index]), number >= 0 else { continue }
      readings.append(
        NumberedName(
          list: path[..<index].dotted, number: number,
          member: path[(index + 1)...].dotted))
    }
    return readings
  }

  /// The name of the same member at another number.
  func at(_ number: Int) -> String { "\(list).\(number).\(member)" }

  /// The last component of a member: `q_proj`.
  static func last(of member: String) -> Substring {
    member.utf8.lastIndex(of: UInt8(ascii: ".")).map { member[member.utf8.index(after: $0)...] }
      ?? member[...]
  }

  /// The name of a member's parent in the layer: `self_attn`.
  static func parent(of member: String) -> Substring {
    member.utf8.lastIndex(of: UInt8(ascii: ".")).map { member[..<$0] } ?? ""
  }
}
