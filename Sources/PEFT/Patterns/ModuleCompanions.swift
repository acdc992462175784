// SPDX-License-Identifier: Apache-2.0

/// Modules that come together in every model: one that has the first has the others, too.
///
/// Names are ends of paths. The converse need not hold: layers that share keys and values have
/// queries alone, and some models join two projections in one.
enum ModuleCompanions {
  private static let table: [(module: String, companions: [String])] = [
    ("v_proj", ["q_proj", "k_proj"]), ("k_proj", ["q_proj"]),
    ("gate_proj", ["up_proj", "down_proj"]), ("up_proj", ["down_proj"]),
    ("query", ["key", "value"]), ("q", ["k", "v"]), ("k", ["q", "v"]), ("v", ["q", "k"]),
    ("fc1", ["fc2"]), ("fc2", ["fc1"]), ("wi", ["wo"]), ("wi_0", ["wi_1", "wo"]),
    ("wi_1", ["wi_0", "wo"]), ("w1", ["w2"]), ("w3", ["w1", "w2"]),
    ("attn.c_attn", ["attn.c_proj", "mlp.c_proj"]), ("mlp.c_fc", ["mlp.c_proj"]),
    ("query_key_value", ["dense"]), ("dense_h_to_4h", ["dense_4h_to_h"]),
    ("dense_4h_to_h", ["dense_h_to_4h"]),
  ]

  /// The paths of the modules that a model has next to one.
  static func companions(of module: String) -> [String] {
    table.flatMap { end, companions -> [String] in
      guard module == end || module.hasSuffix("." + end) else { return [] }
      let start = module.dropLast(end.count)
      return companions.map { start + $0 }
    }
  }
}
