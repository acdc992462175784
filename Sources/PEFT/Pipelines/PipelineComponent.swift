// SPDX-License-Identifier: Apache-2.0

/// A model of a diffusers pipeline that LoRA files have weights for (spec/kohya.md, KO2).
public struct PipelineComponent: Sendable, Hashable {
  /// The name in the pipeline, which is that of its folder: `unet`. In diffusers' files the names of
  /// its tensors start with it and a dot.
  public let name: String
  /// What the names start with in kohya's files; they are written with the first.
  public let underscoredPrefixes: [String]

  /// The models, in the order in which files list them.
  public static let all: [PipelineComponent] = [
    .init(name: "unet", underscoredPrefixes: ["lora_unet_"]),
    .init(name: "transformer", underscoredPrefixes: ["lora_transformer_", "lora_unet_"]),
    .init(name: "text_encoder", underscoredPrefixes: ["lora_te1_", "lora_te_"]),
    .init(name: "text_encoder_2", underscoredPrefixes: ["lora_te2_"]),
    .init(name: "text_encoder_3", underscoredPrefixes: ["lora_te3_"]),
  ]

  /// The model with a name.
  public init?(named name: String) {
    guard let found = Self.all.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  private init(name: String, underscoredPrefixes: [String]) {
    self.name = name
    self.underscoredPrefixes = underscoredPrefixes
  }

  /// Whether it encodes text; the names of such models are those of transformers.
  public var isTextEncoder: Bool { name.hasPrefix("text_encoder") }
}
