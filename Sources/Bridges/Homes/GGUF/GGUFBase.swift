// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// What a base model says about its tensors in llama.cpp: their names, the order of their rows, and
/// their sizes (spec/gguf-adapters.md, GA3 to GA6).
struct GGUFBase {
  /// The names for the type of the model.
  let names: GGUFNames
  /// Whether the output has the weight of the input embedding.
  let tiesEmbeddings: Bool
  /// The number of experts of a layer; nil for models without.
  let expertCount: Int?
  private let path: String
  private let layerCount: Int?
  /// The config of the language model.
  private let config: JSONObject
  private let sizes: BaseSizes

  /// Reads the config of a model.
  ///
  /// - Throws: `missing` without a base model, or its `model_type`; `unsupported` for a type without
  ///   names.
  init(_ base: BaseModel?, for path: String) throws(CheckpointError) {
    guard let base else {
      throw CheckpointError(
        .missing,
        "needs the base model's config, which decides the names of the tensors and the order of their "
          + "rows in GGUF", path: path, remedy: .provideBase)
    }
    guard let modelType = base.modelType else {
      throw CheckpointError(
        .missing, "has no config with a \"model_type\", which decides the names of tensors in GGUF",
        path: base.path)
    }
    guard let names = GGUFNames(modelType: modelType) else {
      throw CheckpointError(
        .unsupported,
        "is a \(modelType.printable) model; names of tensors in GGUF are known for "
          + GGUFNames.modelTypes.joined(separator: ", "), path: base.path)
    }
    self.names = names
    self.path = base.path
    config = base.config["text_config"]?.object ?? base.config
    tiesEmbeddings = base.tiesEmbeddings ?? false
    expertCount = base.expertCount
    layerCount = base.layerCount
    sizes = BaseSizes(base)
  }

  private func integer(_ keys: [String]) -> Int? {
    keys.lazy.compactMap { config[$0]?.integer }.first
  }

  /// The order of the rows of a module's weight in GGUF; nil if it is that of transformers.
  ///
  /// - Parameter rows: the number of rows.
  /// - Throws: `mismatch` when the rows do not divide into the heads of the config, `unsupported` for
  ///   a model that llama.cpp does not load.
  func order(
    of place: GGUFNames.Place, rows: Int
  ) throws(CheckpointError) -> RowOrder? {
    let kind = names.entries[place.index].order
    let heads = integer(["num_attention_heads", "n_head"]) ?? 0
    let order: RowOrder?
    let count: Int
    switch kind {
    case .same: return nil
    case .rotary:
      count = heads
      order = .rotary(heads: count, rows: rows)
    case .rotary_kv:
      count = integer(["num_key_value_heads"]) ?? heads
      order = .rotary(heads: count, rows: rows)
    case .heads:
      count = heads
      order = .heads(count, rows: rows)
    case .groups:
      guard config["alibi"]?.isTruthy != true else {
        throw CheckpointError(
          .unsupported, "has \"alibi\", with which llama.cpp does not load such models", path: path)
      }
      let isGrouped = config["new_decoder_architecture"]?.isTruthy ?? false
      let isShared = config["multi_query"]?.isTruthy ?? true
      count =
        isGrouped ? integer(["num_kv_heads", "n_head_kv"]) ?? heads : isShared ? 1 : heads
      order = .groups(count, heads: heads, rows: rows)
    }
    guard let order else {
      throw CheckpointError(
        .mismatch,
        "\(names.module(at: place)) has \(rows) outputs, which do not divide into the \(count) heads "
          + "of the base model's config", path: path)
    }
    return order
  }

  /// Checks that the base model has a module, and its sizes.
  ///
  /// - Parameters:
  ///   - input: the inputs; the tokens for an embedding.
  ///   - output: the outputs; the dimensions for an embedding.
  ///   - experts: the number of experts; nil for a module by itself.
  /// - Throws: `mismatch`.
  func check(
    _ place: GGUFNames.Place, input: Int, output: Int, experts: Int? = nil
  ) throws(CheckpointError) {
    let name = names.module(at: place)
    if let layer = place.layer, let layerCount, layer >= layerCount {
      throw CheckpointError(
        .mismatch, "there is no \(name): the base model has \(layerCount) layers", path: path)
    }
    if let experts, let expertCount, experts != expertCount {
      throw CheckpointError(
        .mismatch, "\(name) has \(experts) experts, and the base model \(expertCount)", path: path)
    }
    guard
      let expected = sizes.sizes(
        of: name, isParameter: experts != nil || names.entries[place.index].isParameter)
    else { return }
    guard expected == [output, input] else {
      throw CheckpointError(
        .mismatch,
        "\(name) has \(input) inputs and \(output) outputs, and in the base model \(expected[1]) and "
          + "\(expected[0])", path: path)
    }
  }
}
