// SPDX-License-Identifier: Apache-2.0

/// The place of a kind of modules in a layer, as models compute them: attention first, its queries,
/// keys and values before its output.
struct ModuleKindOrder: Comparable {
  private let group: Int
  private let place: Int

  /// The usual names of modules, in the order of computation.
  private static let names = [
    "c_attn", "qkv_proj", "query_key_value", "q", "q_proj", "query", "k", "k_proj", "key", "v",
    "v_proj", "value", "o", "o_proj", "out_proj", "dense", "gate_proj", "gate_up_proj", "wi_0",
    "w1", "up_proj", "wi_1", "w3", "fc1", "c_fc", "wi", "down_proj", "w2", "fc2", "c_proj", "wo",
  ]

  /// Looks up the last component of a name. Unknown names come last, in an order of their own.
  init(of kind: String) {
    let text = kind.lowercased()
    group = text.contains("attention") || text.contains("attn") ? 0 : 1
    let last = kind.split(separator: ".").last.map(String.init) ?? kind
    place = Self.names.firstIndex(of: last) ?? Self.names.count
  }

  /// The places of kinds in the order of computation; those of the same place stay in their order.
  static func sorted(_ kinds: ArraySlice<String>) -> [Int] {
    let orders = kinds.map { ModuleKindOrder(of: $0) }
    return orders.indices.sorted { left, right in
      orders[left] == orders[right] ? left < right : orders[left] < orders[right]
    }
  }

  static func < (left: Self, right: Self) -> Bool {
    (left.group, left.place) < (right.group, right.place)
  }
}
