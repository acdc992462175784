// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
public import LowRank
public import PEFT
public import Tensors

/// Files of kohya's training scripts, which ComfyUI and others load too: one file for the models of a
/// pipeline, with underscores for the dots in names (spec/kohya.md).
public struct KohyaHome: AdapterHome {
  public let name = "kohya"
  public let summary = "a kohya LoRA, as ComfyUI loads it"
  public let holdsPipelines = true
  public let heldTypes: [PEFTType] = [
    .lora, PEFTType(rawValue: "LOHA"), PEFTType(rawValue: "LOKR"),
  ]

  /// Creates the home.
  public init() {}

  /// What names start with, and the models that this may be.
  private static let prefixes: [(prefix: String, components: [PipelineComponent])] = {
    var found: [(prefix: String, components: [PipelineComponent])] = []
    for component in PipelineComponent.all {
      for prefix in component.underscoredPrefixes {
        if let place = found.firstIndex(where: { $0.prefix == prefix }) {
          found[place].components.append(component)
        } else {
          found.append((prefix, [component]))
        }
      }
    }
    return found
  }()

  public func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter? {
    guard let archive = source.archive, ForeignWeights(archive)?.home == name else { return nil }
    return try UnderscoredReader(archive: archive, base: source.base, origin: source.origin)
      .adapter(Self.prefixes)
  }

  public func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    var writer = UnderscoredWriter(home: name, dtype: options.dtype)
    for (component, part) in try adapter.split(base: options.base) {
      try writer.add(
        part, prefix: prefix(of: component, base: options.base),
        isTextEncoder: component.isTextEncoder)
    }
    var notes: [String] = []
    if writer.hasMagnitudes {
      notes.append(
        "diffusers ignores DoRA's magnitudes in kohya files; ComfyUI and LyCORIS use them")
    }
    if writer.alphas.count > 1 {
      notes.append(
        "modules have different alphas, and diffusers gives some of them the alpha of others; convert "
          + "to diffusers for it")
    }
    let format = CheckpointFormats.standard
    let archive = try ComposedArchive(
      path: adapter.path, format: format, metadata: ["format": "pt"], tensors: writer.tensors)
    return BridgePlan(file: archive, as: format, notes: notes, isExact: writer.isExact)
  }

  /// What the names of a model start with. The only text encoder of a pipeline has no number.
  private func prefix(of component: PipelineComponent, base: BaseModel?) -> String {
    let prefixes = component.underscoredPrefixes
    let names = base?.components.map(\.component.name) ?? []
    let isOnly = names.contains("text_encoder") && !names.contains("text_encoder_2")
    return component.name == "text_encoder" && isOnly ? prefixes[1] : prefixes[0]
  }
}
