// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A width that modules of a model have in common.
struct ModuleWidth: Hashable {
  enum Role: String { case model, block, keys, queries }

  let role: Role
  /// The list of layers, and for widths within a block its name in a layer.
  let place: String

  /// Whether two modules of one layer always agree. Keys may be wider than values, and gates may
  /// widen queries.
  var isOfLayer: Bool { role == .model || role == .block }

  /// An extent of modules of some names, and its role.
  private struct Rule {
    let symbol: String
    let role: Role
    let names: Set<Substring>

    init(_ symbol: String, _ role: Role, _ names: Substring...) {
      self.symbol = symbol
      self.role = role
      self.names = Set(names)
    }
  }

  private static let rules: [Rule] = [
    Rule(
      "in", .model, "q_proj", "k_proj", "v_proj", "qkv_proj", "query_key_value", "query", "key",
      "value", "q", "k", "v", "c_attn", "gate_proj", "up_proj", "gate_up_proj", "fc1", "c_fc", "wi",
      "wi_0", "wi_1", "w1", "w3", "dense_h_to_4h"),
    Rule(
      "out", .model, "o_proj", "out_proj", "down_proj", "fc2", "wo", "w2", "dense_4h_to_h", "o"),
    Rule("out", .block, "gate_proj", "up_proj", "fc1", "c_fc", "wi", "wi_0", "wi_1", "w1", "w3"),
    Rule("in", .block, "down_proj", "fc2", "wo", "w2"),
    Rule("out", .keys, "k_proj", "v_proj", "key", "value", "k", "v"),
    Rule("out", .queries, "q_proj", "query", "q"),
    Rule("in", .queries, "o_proj", "out_proj", "o"),
  ]

  /// Names that other blocks give their modules, too.
  private static let attentionNames: Set<Substring> = ["query", "key", "value", "q", "k", "v"]

  private static let normalizations: Set<Substring> = [
    "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
    "post_feedforward_layernorm", "self_attn_layer_norm", "final_layer_norm", "ln_1", "ln_2",
  ]
  private static let finalNormalizations: Set<Substring> = [
    "norm", "final_layernorm", "final_layer_norm", "ln_f",
  ]

  /// The widths of a linear module in a numbered layer, with the symbols of its extents, and the
  /// number of the layer.
  static func widths(of module: String) -> [(width: Self, symbol: String, layer: Int)] {
    guard !module.containsBytes(of: "base_layer"), let reading = layer(of: module) else {
      return []
    }
    let last = NumberedName.last(of: module)
    let block = NumberedName.parent(of: reading.member)
    let kind = block.lowercased()
    guard !attentionNames.contains(last) || kind.containsBytes(of: "att") else { return [] }
    return rules.compactMap { rule in
      guard rule.names.contains(last) else { return nil }
      // Keys and values may be of the states of another model.
      if rule.role == .model, rule.symbol == "in", kind.containsBytes(of: "cross") { return nil }
      let place = rule.role == .model ? reading.list : reading.list + ".*." + block
      return (Self(role: rule.role, place: place), rule.symbol, reading.number)
    }
  }

  /// The width of a normalization in a numbered layer.
  static func ofNormalization(_ module: String) -> (width: Self, layer: Int)? {
    guard normalizations.contains(NumberedName.last(of: module)), let reading = layer(of: module)
    else { return nil }
    return (Self(role: .model, place: reading.list), reading.number)
  }

  /// The parent of a normalization after all layers.
  static func parentOfFinalNormalization(_ module: String) -> Substring? {
    guard NumberedName.readings(of: module).isEmpty,
      finalNormalizations.contains(NumberedName.last(of: module))
    else { return nil }
    return NumberedName.parent(of: module)
  }

  /// The place of a module in its layer; nil where layers share a block, which may be wider.
  private static func layer(of module: String) -> NumberedName? {
    guard let reading = NumberedName.readings(of: module).first,
      !reading.member.containsBytes(of: "shared_transf")
    else { return nil }
    return reading
  }
}
