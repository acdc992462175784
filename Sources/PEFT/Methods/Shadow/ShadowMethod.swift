// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Tensors

/// ShadowPEFT: a small network runs beside the blocks of the model; each block has a bottleneck that
/// lets it in, and two networks that update it.
///
/// Names contain `default`, whatever the adapter's name is. The layers of the small network are those
/// of the base model's kind, so that the config does not tell its tensors.
public struct ShadowMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "SHADOW") }
  public var parameterPrefix: String { "shadow_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 8)] }
  public var alphaKey: String? { "shadow_alpha" }
  public var rules: [ConfigRule] {
    ConfigRule.layerSelection + [Self.ownArchitecture]
      + (Self.sizes + ["shadow_num_attention_heads", "shadow_num_hidden_layers"]).map {
        .atLeast(1, $0)
      }
  }

  /// The keys of extents of the small network.
  private static let sizes = ["shadow_hidden_size", "shadow_intermediate_size"]

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let width = config.integer("update_hidden_size", default: nil).flatMap { $0 == 0 ? nil : $0 }
    let hidden = width.map { Extent("update_hidden_size", value: $0) } ?? "r"
    let networks = ["shadow_update_transform", "shadow_update_gate"].flatMap {
      (name: String) -> [ModuleTensor] in
      [
        .init("\(name).default.0.weight", [hidden, "hidden_size"]),
        .init("\(name).default.0.bias", [hidden]),
        .init("\(name).default.2.weight", ["hidden_size", hidden]),
        .init("\(name).default.2.bias", ["hidden_size"]),
      ]
    }
    return [
      ModuleForm(
        .block,
        tensors: [
          .init("shadow_down.default.weight", ["r", "hidden_size"]),
          .init("shadow_up.default.weight", ["hidden_size", "r"], untrained: .zeros),
        ] + networks)
    ]
  }

  public func ownsSharedTensor(_ name: TensorName) -> Bool {
    ["backbone", "projection", "head"].contains {
      name.string.utf8.starts(with: "base_model.shadow_\($0).default.".utf8)
    }
  }

  /// The small network is part of every adapter.
  public func weightFindings(
    of weights: any TensorArchive, for config: AdapterConfig?
  ) -> [Finding] {
    let names = weights.tensors.map(\.name).filter(ownsSharedTensor)
    guard names.isEmpty else {
      let findings =
        companionFindings(names) + (config.map { sizeFindings(weights, names, $0) } ?? [])
      return findings.isEmpty
        ? config.flatMap { embeddingFinding(names, $0) }.map { [$0] } ?? [] : findings
    }
    return [
      Finding(
        .error, "missing-tensor",
        "the weights have no tensor of base_model.shadow_backbone.default: PEFT leaves the small "
          + "network at its fresh values", tensor: "base_model.shadow_backbone.default")
    ]
  }

  /// Findings about sizes of the small network that no tensor of it has.
  private func sizeFindings(
    _ weights: any TensorArchive, _ names: [TensorName], _ config: AdapterConfig
  ) -> [Finding] {
    let extents = Set(
      names.compactMap { weights.index(of: $0) }.flatMap { weights.tensor(at: $0).shape.dimensions }
    )
    if config.integer("shadow_hidden_size", default: nil) == nil,
      let projection = names.first(where: { $0.string.containsBytes(of: ".shadow_projection.") })
    {
      return [
        Finding(
          .error, "unexpected-tensor",
          "PEFT ignores \(projection): only a small network of another width has it, and "
            + "\"shadow_hidden_size\" is not set", key: "shadow_hidden_size", tensor: projection)
      ]
    }
    return Self.sizes.compactMap { key in
      guard let size = config.integer(key, default: nil), size > 0, !extents.contains(UInt(size))
      else { return nil }
      return Finding(
        .error, "shape-mismatch",
        "\"\(key)\" is \(size), but no tensor of the small network is as wide: PEFT refuses the adapter",
        key: key, tensor: names.first)
    }
  }

  /// A finding about a network that has an embedding of its own by the config, and none in the weights.
  private func embeddingFinding(_ names: [TensorName], _ config: AdapterConfig) -> Finding? {
    guard !config.flag("share_embeddings", default: true),
      !names.contains(where: { name in
        name.string.components.contains { ModelClasses.embeddingNames.contains($0) }
      })
    else { return nil }
    return Finding(
      .error, "missing-tensor",
      "the weights have no embedding of the small network, which \"share_embeddings\" false calls for: PEFT "
        + "leaves it at its fresh values", key: "share_embeddings",
      tensor: "base_model.shadow_backbone.default.embed_tokens.weight")
  }

  /// Findings about modules that every model has next to others, and that the small network lacks.
  private func companionFindings(_ names: [TensorName]) -> [Finding] {
    let suffix = ".weight"
    let modules = names.map(\.string).filter { $0.hasSuffix(suffix) }.map {
      String($0.dropLast(suffix.count))
    }
    let present = Set(modules.map { UTF8Text($0) })
    let companions = modules.lazy.flatMap(ModuleCompanions.companions)
    guard let absent = companions.first(where: { !present.contains(UTF8Text($0)) }) else {
      return []
    }
    return [
      Finding(
        .error, "missing-tensor",
        "the weights have no \(absent)\(suffix) of the small network: PEFT leaves it at its fresh "
          + "values", tensor: TensorName(absent + suffix))
    ]
  }

  /// A checkpoint of its own has its architecture.
  private static let ownArchitecture = ConfigRule("shadow_model") { config in
    guard let model = config.text("shadow_model", default: "mirror"), model != "mirror" else {
      return nil
    }
    let keys = [
      "shadow_num_hidden_layers", "shadow_hidden_size", "shadow_num_attention_heads",
      "shadow_intermediate_size",
    ]
    guard let key = keys.first(where: { config.integer($0, default: nil) != nil }) else {
      return nil
    }
    return
      "\"\(key)\" is set, but \"shadow_model\" is \"\(model)\", which has its own architecture: "
      + "set \"\(key)\" to null"
  }
}
