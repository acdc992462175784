// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// A width that the modules of a model have in common.
  private struct Width: Hashable {
    /// The role: the width of the residual stream, of a feed-forward block, of keys and values.
    let role: String
    /// The list of layers, and for widths within a block its name in a layer.
    let place: String
  }

  /// Findings about modules whose width is the only one of its kind that differs.
  ///
  /// Without the base model, the other modules show what a width must be: the inputs of all attention
  /// and feed-forward blocks, and their outputs, are as wide as the model.
  var widthFindings: [Finding] {
    var votes: [Width: [Int: [Int]]] = [:]
    for (number, module) in modules.enumerated() where fits[number].mismatches.isEmpty {
      for (width, value) in widths(of: module) {
        votes[width, default: [:]][value, default: []].append(number)
      }
    }
    var findings: [Finding] = []
    for (width, modules) in votes where modules.count == 2 {
      let sorted = modules.sorted { $0.value.count < $1.value.count }
      let (odd, common) = (sorted[0], sorted[1])
      guard odd.value.count == 1, common.value.count >= 3 else { continue }
      if let finding = finding(width, self.modules[odd.value[0]], odd.key, common.key) {
        findings.append(finding)
      }
    }
    return findings.sorted { ($0.tensor ?? "") < ($1.tensor ?? "") } + embeddingWidthFindings
  }

  private func finding(
    _ width: Width, _ module: AttachedModule, _ value: Int, _ expected: Int
  ) -> Finding? {
    let symbol = Self.roles.first { $0.matches(module.name, width.role) }?.symbol ?? "in"
    let tensor = module.form.tensors.first { tensor in
      module.tensors[tensor.name] != nil && tensor.shape.contains { $0.symbol == symbol }
    }
    guard let tensor, let index = module.tensors[tensor.name] else { return nil }
    let info = weights.tensor(at: index)
    return Finding(
      .error, "shape-mismatch",
      "\(info.name) has the shape \(info.shape), with \(value) for \"\(symbol)\", which is "
        + "\(expected) in all other modules: PEFT refuses the tensor if the base model has \(expected)",
      tensor: info.name)
  }

  /// A part of the name of modules, and which of their extents has which role.
  private struct Role {
    let symbol: String
    let role: String
    let names: Set<Substring>

    init(_ symbol: String, _ role: String, _ names: Substring...) {
      self.symbol = symbol
      self.role = role
      self.names = Set(names)
    }

    func matches(_ module: String, _ role: String) -> Bool {
      self.role == role && names.contains(module.components.last ?? "")
    }
  }

  private static let roles: [Role] = [
    Role(
      "in", "model", "q_proj", "k_proj", "v_proj", "qkv_proj", "query_key_value", "query", "key",
      "value", "q", "k", "v", "c_attn", "gate_proj", "up_proj", "gate_up_proj", "fc1", "c_fc", "wi",
      "wi_0", "wi_1", "w1", "w3", "dense_h_to_4h"),
    Role(
      "out", "model", "o_proj", "out_proj", "down_proj", "fc2", "wo", "w2", "dense_4h_to_h", "o"),
    Role("out", "block", "gate_proj", "up_proj", "fc1", "c_fc", "wi", "wi_0", "wi_1", "w1", "w3"),
    Role("in", "block", "down_proj", "fc2", "wo", "w2"),
    Role("out", "keys", "k_proj", "v_proj", "key", "value", "k", "v"),
    Role("out", "queries", "q_proj", "query", "q"),
    Role("in", "queries", "o_proj", "out_proj", "o"),
  ]

  /// The widths of a linear module in a numbered layer.
  private func widths(of module: AttachedModule) -> [(Width, Int)] {
    guard module.form.layers.contains(.linear), !module.name.containsBytes(of: "base_layer"),
      let reading = NumberedName.readings(of: module.name).first
    else { return [] }
    let last = module.name.components.last ?? ""
    return Self.roles.compactMap { role in
      guard role.names.contains(last), let value = module.values[role.symbol] else { return nil }
      let block = NumberedName.parent(of: reading.member)
      let place = role.role == "model" ? reading.list : reading.list + ".*." + block
      return (Width(role: role.role, place: place), value)
    }
  }

  /// Findings about factors that do not fit the weight of the base model next to them.
  private var embeddingWidthFindings: [Finding] {
    modules.flatMap { module -> [Finding] in
      let name = TensorName(TensorPath.modelPrefix + module.name + ".base_layer.weight")
      guard let index = weights.index(of: name) else { return [] }
      let shape = weights.tensor(at: index).shape
      let rows = module.form.layers.contains(.embedding) ? ["vocab", "out"] : ["out", "in"]
      guard shape.rank == 2, module.form.layers != [.convolution(2)] else { return [] }
      return zip(rows, shape.dimensions).compactMap { symbol, extent in
        guard let value = module.values[symbol], UInt(value) != extent else { return nil }
        let tensor = module.form.tensors.first { tensor in
          module.tensors[tensor.name] != nil && tensor.shape.contains { $0.symbol == symbol }
        }
        guard let tensor, let index = module.tensors[tensor.name] else { return nil }
        let info = weights.tensor(at: index)
        return Finding(
          .error, "shape-mismatch",
          "\(info.name) has the shape \(info.shape), with \(value) for \"\(symbol)\", but \(name) "
            + "has the shape \(shape)", tensor: info.name)
      }
    }
  }
}
