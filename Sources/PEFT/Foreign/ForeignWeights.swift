// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Tensors

/// Weights whose tensor names are those of an adapter, of PEFT or of another library, told from the
/// names alone (spec/adapter_config.md, C44).
public struct ForeignWeights: Sendable {
  /// The library or kind, with an article: "an MLX adapter".
  public let name: String
  /// What to do with the file.
  public let advice: String
  /// Whether the names are those of PEFT, with or without the adapter's name.
  public let isPEFT: Bool
  /// The home of such adapters, as conversions spell it: `kohya`; nil where there is no conversion.
  public let home: String?
  /// A tensor with such a name.
  let example: TensorName

  /// Recognizes tensors by their names.
  ///
  /// - Returns: nil unless at least half of the tensors have names of one kind.
  /// - Complexity: O(tensors).
  public init?(_ archive: any TensorArchive) {
    let names = archive.tensors.map(\.name)
    guard
      let (kind, example) = Self.kinds.lazy.compactMap({ kind in
        kind.example(in: names).map { (kind, $0) }
      }).first
    else { return nil }
    name = kind.name
    advice = kind.advice
    isPEFT = kind.isPEFT
    home = kind.home
    self.example = example
  }

  private struct Kind: Sendable {
    let name: String
    let advice: String
    var isPEFT = false
    var home: String?
    /// What a name starts with, one of them; any name if empty.
    var prefixes: [String] = []
    /// What a name contains, one of them.
    var parts: [String] = []
    /// What a name ends with, one of them; any name if empty.
    var suffixes: [String] = []

    /// The first name of this kind, if at least half of the names are of this kind.
    func example(in names: [TensorName]) -> TensorName? {
      var example: TensorName?
      var others = 0
      for name in names {
        if matches(name.string) {
          example = example ?? name
        } else {
          others += 1
          guard 2 * others <= names.count else { return nil }
        }
      }
      return example
    }

    func matches(_ name: String) -> Bool {
      (prefixes.isEmpty || prefixes.contains(where: name.startsWithBytes))
        && (suffixes.isEmpty || suffixes.contains(where: name.hasSuffix))
        && (parts.isEmpty || parts.contains(where: name.containsBytes))
    }
  }

  private static let components = PipelineComponent.all
  private static let factors = [".lora_A.", ".lora_B.", ".lora_embedding_A", ".lora_embedding_B"]

  /// The kinds, the more specific ones first.
  private static let kinds: [Kind] = [
    Kind(
      name: "a PEFT adapter with the adapter's name in the tensor names",
      advice: "PEFT saves names without it; remove \".default\" from the names, and put "
        + "adapter_config.json next to adapter_model.safetensors",
      isPEFT: true, parts: [".lora_A.default", ".lora_B.default", ".lora_embedding_A.default"]),
    Kind(
      name: "a kohya LoRA",
      advice:
        "diffusers' load_lora_weights and ComfyUI load it; for PEFT, convert it to a PEFT adapter",
      home: "kohya", prefixes: components.flatMap(\.underscoredPrefixes)),
    Kind(
      name: "a LyCORIS adapter",
      advice: "LyCORIS and ComfyUI load it; for PEFT, convert it to a PEFT adapter",
      home: "lycoris", prefixes: ["lycoris_"]),
    Kind(
      name: "a diffusers LoRA",
      advice: "diffusers' load_lora_weights loads it; for PEFT, convert it to a PEFT adapter",
      home: "diffusers", prefixes: components.map { $0.name + "." },
      parts: factors + [
        ".lora.down.", ".lora.up.", "_lora.down.", "_lora.up.", ".lora_linear_layer.",
        ".lora_down.", ".lora_up.", ".lora_magnitude_vector",
      ]),
    Kind(
      name: "an AdapterHub adapter", advice: "the adapters library loads it with load_adapter",
      parts: [
        ".loras.", ".prompt_tunings.", ".prefix_tunings.", ".output_adapters.",
        ".attention_adapters.",
      ]),
    Kind(
      name: "an MLX adapter",
      advice:
        "mlx-lm loads it from adapters.safetensors; converted to peft, its directory is an adapter of "
        + "PEFT",
      prefixes: ["model.", "language_model.", "lm_head", "transformer."],
      suffixes: [".lora_a", ".lora_b"]),
    Kind(
      name: "a PEFT adapter",
      advice: "PEFT loads it from a directory with adapter_config.json",
      isPEFT: true, prefixes: ["base_model.model."],
      parts: factors + [".hada_w", ".lokr_w", ".ia3_l", ".vera_lambda", ".oft_", ".boft_"]),
  ]
}
