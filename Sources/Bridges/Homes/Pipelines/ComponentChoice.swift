// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// Finds the model of a pipeline that an adapter is for (spec/kohya.md, KO3).
struct ComponentChoice {
  let adapter: LowRankAdapter
  let base: BaseModel?

  /// The model, as the adapter, the base model, the folder of the adapter, the class in its config or
  /// the names of its modules tell it, in this order.
  ///
  /// - Throws: `missing` when none does.
  func component() throws(CheckpointError) -> PipelineComponent {
    if let component = adapter.component { return component }
    if let base {
      if let component = Self.folder(base.path) { return component }
      let candidates = base.components.filter { has(adapter, $0.model) }.map(\.component)
      if candidates.count == 1 { return candidates[0] }
      if let guess, candidates.isEmpty || candidates.contains(guess) { return guess }
    }
    guard let guess else {
      throw CheckpointError(
        .missing, "nothing says which model of a pipeline the adapter is for", path: adapter.path,
        hint:
          "give the base model in its folder of the pipeline, such as text_encoder_2, or name the "
          + "folder of the adapter so")
    }
    return guess
  }

  private var guess: PipelineComponent? {
    Self.folder(adapter.path) ?? className.flatMap(Self.component(ofClass:)) ?? namedComponent
  }

  /// The class of the base model.
  private var className: String? {
    adapter.config?.document["auto_mapping"]?["base_model_class"]?.string
      ?? base?.config["_class_name"]?.string
      ?? base?.config["architectures"]?.array?.first?.string
  }

  private static func folder(_ path: String) -> PipelineComponent? {
    let parts = path.split(separator: "/").filter { $0 != "." }
    return parts.last.flatMap { PipelineComponent(named: String($0)) }
  }

  private static func component(ofClass name: String) -> PipelineComponent? {
    switch name {
    case "CLIPTextModel": return PipelineComponent(named: "text_encoder")
    case "CLIPTextModelWithProjection": return PipelineComponent(named: "text_encoder_2")
    default: break
    }
    if name.hasPrefix("UNet") { return PipelineComponent(named: "unet") }
    let isTransformer = ["Transformer2DModel", "Transformer3DModel", "DiTModel"].contains {
      name.hasSuffix($0)
    }
    return isTransformer ? PipelineComponent(named: "transformer") : nil
  }

  /// The starts of the names of modules, which the models of most pipelines share.
  private static let starts: [(start: String, component: String)] = [
    ("down_blocks.", "unet"), ("up_blocks.", "unet"), ("mid_block.", "unet"),
    ("transformer_blocks.", "transformer"), ("single_transformer_blocks.", "transformer"),
    ("text_model.encoder.layers.", "text_encoder"), ("encoder.layers.", "text_encoder"),
  ]

  private var namedComponent: PipelineComponent? {
    let found = Self.starts.first { entry in
      adapter.names.contains { $0.hasPrefix(entry.start) }
    }
    return found.flatMap { PipelineComponent(named: $0.component) }
  }

  /// Whether a model has all modules of an adapter.
  private func has(_ adapter: LowRankAdapter, _ model: BaseModel) -> Bool {
    guard let tree = model.modules() else { return false }
    return adapter.modules.allSatisfy { tree[$0.name] != nil }
  }
}

extension LowRankAdapter {
  /// The names of modules, and of other tensors.
  fileprivate var names: [String] { modules.map(\.name) + others.map(\.name) }

  /// The adapters of single models, each with its model.
  ///
  /// - Throws: `missing` when nothing tells the model.
  func split(base: BaseModel?) throws(CheckpointError) -> [(
    component: PipelineComponent, adapter: LowRankAdapter
  )] {
    var found: [(component: PipelineComponent, adapter: LowRankAdapter)] = []
    for part in parts.isEmpty ? [self] : parts {
      found.append((try ComponentChoice(adapter: part, base: base).component(), part))
    }
    return found
  }
}
