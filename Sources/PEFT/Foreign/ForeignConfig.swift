// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// A config of another library, or of something else than an adapter, under the name of an
/// adapter's config (spec/adapter_config.md, C43).
struct ForeignConfig {
  /// The kind, with an article: "the config of an MLX adapter".
  let name: String
  /// What to do with it.
  let advice: String

  /// Recognizes a config by its keys.
  ///
  /// - Returns: nil for the config of a PEFT adapter, and for keys that are of no known library.
  init?(_ document: JSONObject) {
    guard let kind = Self.kinds.first(where: { $0.isRecognized(in: document) }) else { return nil }
    let detail = kind.detail.flatMap { document[$0]?.string }.map { " (\($0.excerpt))" } ?? ""
    name = kind.name + detail
    advice = kind.advice
  }

  /// A kind of config: what its keys are.
  private struct Kind: Sendable {
    let name: String
    let advice: String
    /// Sets of keys, one of which is there in full. `config{}` is a key with an object,
    /// `config.head_type` a key in the object of another one.
    let keys: [[String]]
    /// A key whose text goes into the name.
    var detail: String?

    func isRecognized(in document: JSONObject) -> Bool {
      keys.contains { $0.allSatisfy { Self.has($0, in: document) } }
    }

    private static func has(_ key: String, in document: JSONObject) -> Bool {
      if key.hasSuffix("{}") { return document[String(key.dropLast(2))]?.object != nil }
      guard let dot = key.firstIndex(of: ".") else { return document[key] != nil }
      return document[String(key[..<dot])]?[String(key[dot...].dropFirst())] != nil
    }
  }

  /// The kinds, the more specific ones first.
  private static let kinds: [Kind] = [
    Kind(
      name: "the config of an MLX adapter",
      advice: "mlx-lm loads it; converted to peft, the directory is an adapter of PEFT",
      keys: [
        ["lora_parameters{}"], ["fine_tune_type"], ["lora_layers", "adapter_path"],
        ["lora_layers", "model"],
      ]),
    Kind(
      name: "the config of a prediction head of AdapterHub",
      advice: "the adapters library loads it with load_head",
      keys: [["config.head_type", "model_class"], ["config{}", "model_class", "num_labels"]]),
    Kind(
      name: "the config of an AdapterHub adapter",
      advice: "the adapters library loads it with load_adapter",
      keys: [
        ["config{}", "model_class", "model_name"], ["config{}", "model_class", "model_type"],
      ]),
    Kind(
      name: "the config of a LeRobot policy",
      advice: "LeRobot loads it",
      keys: [["type", "input_features", "output_features"]], detail: "type"),
    Kind(
      name: "the config of a diffusers model", advice: "diffusers loads it",
      keys: [["_class_name"], ["_diffusers_version"]], detail: "_class_name"),
    Kind(
      name: "the config of an OpenDelta checkpoint", advice: "OpenDelta loads it",
      keys: [["delta_type"]], detail: "delta_type"),
    Kind(
      name: "the config of a PaddleNLP adapter", advice: "PaddleNLP loads it",
      keys: [["lora_alpha", "tensor_parallel_degree"]]),
    Kind(
      name: "the config of a tokenizer", advice: "it belongs in tokenizer_config.json",
      keys: [["tokenizer_class"]], detail: "tokenizer_class"),
    Kind(
      name: "the config.json of a base model",
      advice: "the config of the adapter is the one that PEFT's save_pretrained wrote",
      keys: [
        ["model_type", "architectures"], ["model_type", "transformers_version"],
        ["architectures", "hidden_size"], ["model_type", "hidden_size"],
      ],
      detail: "model_type"),
  ]
}
