// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// An `adapter_config.json` of mlx-lm, as far as its loader reads it (spec/mlx.md, MX2).
struct MLXConfig {
  /// What was trained.
  enum FineTuning: String {
    case lora, dora, full
  }

  /// `fine_tune_type`: `lora` where it is absent.
  var fineTuning: FineTuning
  /// `lora_parameters.rank`, of all modules.
  var rank: Int
  /// `lora_parameters.scale`: what the product of the factors is multiplied by, in all modules.
  var scale: Double
  /// `lora_parameters.dropout`, of training.
  var dropout: Double = 0
  /// `lora_parameters.keys`: the modules, by their full names or their names in a block.
  var keys: [String] = []
  /// `num_layers`: the last blocks of the model, in which names in a block are looked for.
  var layerCount: Int = 1
  /// `model`: the base model, for people; nil where it is not told.
  var model: String?

  /// The name of the file.
  static let fileName = AdapterConfig.fileName

  /// The bytes of the file: sorted keys, four spaces, as mlx-lm writes it.
  func encoded() -> [UInt8] {
    var document: JSONObject = [
      "fine_tune_type": .string(fineTuning.rawValue),
      "lora_parameters": .object([
        "dropout": .float(dropout), "keys": .array(keys.map { .string($0) }),
        "rank": JSONValue(rank), "scale": .float(scale),
      ]),
      "num_layers": JSONValue(layerCount),
    ]
    if let model { document["model"] = .string(model) }
    return JSONValue.object(document).encoded(.python(indent: 4))
  }
}

extension MLXConfig {
  /// Whether a config is one of MLX: it has none of PEFT's `peft_type`.
  static func isRecognized(_ document: JSONObject) -> Bool {
    guard document["peft_type"] == nil else { return false }
    return document["lora_parameters"]?.object != nil || document["fine_tune_type"] != nil
      || (document["lora_layers"] != nil
        && (document["adapter_path"] != nil || document["model"] != nil))
  }

  /// Reads a config.
  ///
  /// - Throws: `unsupported` for a `full` fine-tuning, `malformed` or `missing` for a config with
  ///   which mlx-lm loads no adapter.
  init(_ document: JSONObject) throws(CheckpointError) {
    let type = document["fine_tune_type"] ?? "lora"
    guard let fineTuning = type.string.flatMap(FineTuning.init(rawValue:)) else {
      throw CheckpointError(
        .unsupported, "unknown \"fine_tune_type\" \(type.description.excerpt)")
    }
    guard fineTuning != .full else {
      throw CheckpointError(
        .unsupported, "has whole weights, not low-rank ones: \"fine_tune_type\" is full",
        hint: "mlx_lm.fuse puts them into the base model")
    }
    guard let parameters = document["lora_parameters"]?.object else {
      throw CheckpointError(.missing, "has no \"lora_parameters\", which mlx-lm needs")
    }
    self.fineTuning = fineTuning
    rank = try Self.rank(parameters)
    scale = try Self.number("scale", of: parameters)
    dropout = parameters["dropout"]?.number ?? 0
    keys = parameters["keys"]?.array?.compactMap(\.string) ?? []
    layerCount = (document["num_layers"] ?? document["lora_layers"])?.integer ?? -1
    model = document["model"]?.string
  }

  private static func rank(_ parameters: JSONObject) throws(CheckpointError) -> Int {
    guard let value = parameters["rank"] else { throw missing("rank", of: parameters) }
    guard let rank = value.integer, rank > 0 else {
      throw CheckpointError(
        .malformed, "\"rank\" must be a positive integer, but is \(value.description.excerpt)")
    }
    return rank
  }

  private static func number(
    _ key: String, of parameters: JSONObject
  ) throws(CheckpointError) -> Double {
    guard let value = parameters[key] else { throw missing(key, of: parameters) }
    // PEFT's α is the product with the rank, which fits 63 bits.
    guard let number = value.number, (number * 0x1p63).isFinite else {
      throw CheckpointError(
        .malformed, "\"\(key)\" must be a finite number, but is \(value.description.excerpt)")
    }
    return number
  }

  private static func missing(_ key: String, of parameters: JSONObject) -> CheckpointError {
    let hint =
      key == "scale" && parameters["alpha"] != nil
      ? "mlx-lm does not read \"alpha\"; \"scale\" is what it multiplies the factors by"
      : nil
    return CheckpointError(
      .missing, "\"lora_parameters\" has no \"\(key)\", which mlx-lm needs", hint: hint)
  }
}
