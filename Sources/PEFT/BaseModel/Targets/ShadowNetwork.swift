// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// The small network of ShadowPEFT: the first layers of the base model again, with weights of its own
/// (spec/base-model.md, P21).
struct ShadowNetwork {
  private let config: AdapterConfig
  private let tree: ModuleTree
  private let hiddenSize: Int?

  init(_ config: AdapterConfig, _ tree: ModuleTree, hiddenSize: Int?) {
    self.config = config
    self.tree = tree
    self.hiddenSize = hiddenSize
  }

  /// The keys that change sizes of the network.
  private static let sizes = [
    "shadow_hidden_size", "shadow_intermediate_size", "shadow_num_attention_heads",
  ]

  /// Whether the layers have the sizes of the base model's. With others, some architectures have further
  /// modules.
  var isSameSize: Bool { Self.sizes.allSatisfy { config.document[$0]?.isNull ?? true } }

  /// The tensors of the network; none where the config has another network, or the base model's
  /// structure is unknown. A tensor without extents may have any shape.
  ///
  /// - Complexity: O(modules).
  var tensors: [ExpectedTensor] {
    guard config.text("shadow_model", default: "mirror") == "mirror", let root, let list else {
      return []
    }
    let count = config.integer("shadow_num_hidden_layers", default: 1) ?? 1
    let width = config.integer("shadow_hidden_size", default: nil)
    let isSameWidth = width == nil || width == hiddenSize
    let sharesEmbedding = config.flag("share_embeddings", default: true) && isSameWidth
    var tensors: [ExpectedTensor] = []
    for module in tree.modules where root.isEmpty || module.name.hasPrefix(root + ".") {
      let name = module.name.dropFirst(root.isEmpty ? 0 : root.count + 1)
      if name.hasPrefix(list + ".") {
        let layer = Int(name.dropFirst(list.count + 1).prefix { $0 != "." })
        guard let layer, layer < count else { continue }
      } else if sharesEmbedding, name == "embed_tokens" {
        continue
      }
      tensors += Self.copies(of: module, "shadow_backbone.default.\(name)", isSameSize)
    }
    if let width, let hiddenSize, width != hiddenSize {
      tensors.append(
        ExpectedTensor(
          "base_model.shadow_projection.default.weight",
          shape: [
            Extent("hidden_size", value: hiddenSize), Extent("shadow_hidden_size", value: width),
          ]
        ))
    }
    if config.document["task_type"]?.string == TaskType.sequenceClassification.rawValue,
      let head = ["score", "classifier"].first(where: tree.contains)
    {
      for module in tree.subtree(of: head) {
        tensors += Self.copies(
          of: module, "shadow_head.default" + module.name.dropFirst(head.count), true)
      }
    }
    return tensors
  }

  private static func copies(
    of module: BaseModule, _ name: String, _ isSameSize: Bool
  ) -> [ExpectedTensor] {
    module.parameters.map { parameter in
      let extents = isSameSize ? parameter.shape?.dimensions ?? [] : []
      return ExpectedTensor(
        TensorName("base_model.\(name).\(parameter.name)"),
        shape: extents.map { Extent("size", value: Int(exactly: $0)) })
    }
  }

  /// The path of the module with the layers, where PEFT looks for it; empty for the model itself.
  private var root: String? {
    for name in ["model", "transformer", "base_model", "decoder"] where tree.contains(name) {
      return hasLayers(name + ".decoder") ? name + ".decoder" : hasLayers(name) ? name : nil
    }
    return hasLayers("") ? "" : nil
  }

  /// The name of the list of layers.
  private var list: String? { root.flatMap { Self.lists(in: $0).first(where: isList) }?.last }

  private func hasLayers(_ module: String) -> Bool {
    Self.lists(in: module).contains(where: isList)
  }

  private func isList(_ list: (path: String, last: String)) -> Bool {
    tree.contains(list.path + ".0")
  }

  private static func lists(in module: String) -> [(path: String, last: String)] {
    ["layers", "h"].map { (module.isEmpty ? $0 : module + "." + $0, $0) }
  }
}
