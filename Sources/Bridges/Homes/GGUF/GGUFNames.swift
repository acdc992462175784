// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The tensors of llama.cpp for the modules of one type of models, parsed from a generated table on
/// demand (spec/gguf-adapters.md, GA4).
struct GGUFNames: Sendable {
  /// A module outside of the layers, or one of each layer.
  struct Entry: Sendable {
    /// The components of the name, with "#" for the number of the layer and "@" for that of the expert.
    let pattern: [Substring]
    /// The tensors without "blk.N." and ".weight": two for fused projections of experts, else one.
    let tensors: [Substring]
    /// The order of the rows in GGUF.
    let order: RowOrder.Kind
    /// Whether llama.cpp does not compute with LoRA on the tensor.
    let isIgnored: Bool

    /// Whether each layer has the module.
    var isInLayers: Bool { pattern.contains("#") }
    /// Whether the module is a parameter, such as the weights of a router.
    var isParameter: Bool { pattern.last == "weight" }
    /// Whether the tensors have the weights of all experts.
    var isExpert: Bool { tensors[0].hasSuffix("_exps") }
    /// Whether the module is the input embedding, whose A is transposed in GGUF.
    var isInput: Bool { tensors[0] == "token_embd" }
    /// Whether the module is the input or the output embedding.
    var isEmbedding: Bool { isInput || tensors[0] == "output" }
  }

  /// A module as the table has it.
  struct Place: Sendable {
    /// The place in the table.
    let index: Int
    let layer: Int?
    let expert: Int?
  }

  /// `model_type` of a config of transformers.
  let modelType: String
  /// `general.architecture` of a GGUF file.
  let architecture: String
  /// The modules. Of several for one tensor, the first is the one of current models.
  let entries: [Entry]

  /// The model types of the table.
  static var modelTypes: [String] {
    lines.compactMap { $0.split(separator: "\t").first.map(String.init) }
  }

  private static var lines: [Substring] { text.split(separator: "\n") }

  /// Finds a model type; nil for one that the table lacks.
  ///
  /// - Complexity: O(table).
  init?(modelType: String) {
    let line = Self.lines.lazy.map { $0.split(separator: "\t") }.first { $0[0] == modelType }
    guard let line, line.count > 1 else { return nil }
    self.modelType = modelType
    architecture = String(line[1])
    entries = line.dropFirst(2).compactMap(Entry.init)
  }

  /// The place of a module; nil for one without a tensor.
  ///
  /// - Complexity: O(entries · components).
  func place(of module: String) -> Place? {
    let path = module.components
    for (index, entry) in entries.enumerated() where entry.pattern.count == path.count {
      var (layer, expert): (Int?, Int?)
      let fits = zip(entry.pattern, path).allSatisfy { pattern, component in
        switch pattern {
        case "#":
          layer = Self.number(component)
          return layer != nil
        case "@":
          expert = Self.number(component)
          return expert != nil
        default: return pattern == component
        }
      }
      if fits { return Place(index: index, layer: layer, expert: expert) }
    }
    return nil
  }

  /// The place of the current module that a tensor is of, by its name without ".weight"; nil for a tensor
  /// without one.
  ///
  /// - Complexity: O(entries).
  func place(ofTensor name: Substring) -> Place? {
    var path = name.components
    var layer: Int?
    if path.count == 3, path[0] == "blk" {
      layer = Self.number(path[1])
      guard layer != nil else { return nil }
      path.removeFirst(2)
    }
    guard path.count == 1 else { return nil }
    let index = entries.firstIndex {
      $0.isInLayers == (layer != nil) && $0.tensors.contains(path[0])
    }
    return index.map { Place(index: $0, layer: layer, expert: nil) }
  }

  /// The module or parameter at a place.
  func module(at place: Place) -> String {
    let path = entries[place.index].pattern.map { component -> Substring in
      switch component {
      case "#": Substring(String(place.layer ?? 0))
      case "@": Substring(String(place.expert ?? 0))
      default: component
      }
    }
    return path.dotted
  }

  /// The tensors of a place, with "blk.N." and ".weight".
  func tensors(at place: Place) -> [String] {
    entries[place.index].tensors.map { tensor in
      place.layer.map { "blk.\($0).\(tensor).weight" } ?? "\(tensor).weight"
    }
  }

  /// A number as it is written in names: no sign, no leading zeros, at most nine digits.
  private static func number(_ text: Substring) -> Int? {
    guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0")
    else { return nil }
    return Int(text)
  }
}

extension GGUFNames.Entry {
  /// Parses `model.layers.#.self_attn.q_proj=attn_q:rotary`.
  init?(_ text: Substring) {
    let sides = text.split(separator: "=")
    guard sides.count == 2 else { return nil }
    let value = sides[1].split(separator: ":")
    isIgnored = value[0].hasPrefix("!")
    tensors = value[0].drop { $0 == "!" }.split(separator: "+")
    order = value.count > 1 ? RowOrder.Kind(rawValue: String(value[1])) ?? .same : .same
    pattern = sides[0].components
  }
}
