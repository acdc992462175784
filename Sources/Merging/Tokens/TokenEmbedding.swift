// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Conversion
public import JSONDocument
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// Prompts as new tokens of a model: rows at the end of its embedding, a larger vocabulary in its
/// config, and a list of the tokens' ids.
struct TokenEmbedding: ModelChange {
  private let base: BaseModel
  /// The rows of the prompts, in the dtype of the embedding.
  private let rows: [UInt8]
  /// The number of entries before and after.
  let counts: (before: Int, after: Int)
  /// The prompts and the ids of their tokens.
  let prompts: [EmbeddedPrompt]
  /// Whether the output layer is the input embedding, and whether it has entries of its own.
  let output: EmbeddedOutput

  /// The name of the list of ids, next to the weights.
  static let listName = "prompt_tokens.json"

  init(
    _ source: AdapterPrompts, in base: BaseModel, _ weights: any TensorArchive, multiple: Int
  ) throws(CheckpointError) {
    let tensors = try VocabularyTensors(of: weights, base: base)
    guard source.width == tensors.input.width else {
      throw CheckpointError(
        .mismatch,
        "has an embedding of \(tensors.input.width) columns, but the prompt has \(source.width)",
        path: base.path)
    }
    self.base = base
    rows = try source.rows(scale: EmbeddingScale.value(of: base), as: tensors.input.format)
    var next = tensors.count
    var prompts: [EmbeddedPrompt] = []
    for prompt in source.prompts {
      prompts.append(EmbeddedPrompt(task: prompt.task, tokenIDs: next..<next + prompt.rowCount))
      next += prompt.rowCount
    }
    self.prompts = prompts
    let past = next % multiple
    counts = (tensors.count, past == 0 ? next : next + multiple - past)
    output = tensors.isTied ? .tied : tensors.hasOwnOutput ? .own : .none
  }

  func change(_ weights: any TensorArchive) throws(CheckpointError) -> any TensorArchive {
    let tensors = try VocabularyTensors(of: weights, base: base)
    return try MergedArchive(
      weights,
      merging: tensors.members.map { member throws(CheckpointError) in
        try grown(member, in: weights, like: tensors.input)
      })
  }

  /// A tensor with entries for the new tokens at its end.
  private func grown(
    _ member: VocabularyTensors.Member, in weights: any TensorArchive,
    like input: VocabularyTensors.Member
  ) throws(CheckpointError) -> MergedTensor {
    let info = weights.tensor(at: member.index)
    let added = counts.after - counts.before
    let shape: Shape = [UInt(added), UInt(member.width)]
    let entries: ComputedTensor
    switch member.role {
    case .input:
      guard member.format == input.format, member.width == input.width else {
        throw CheckpointError(
          .unsupported, "differs from the embedding that it is tied to", path: weights.path,
          tensor: info.name)
      }
      let byteCount = added * member.width * member.format.byteCount
      entries = try ComputedTensor(
        info.name, dtype: info.dtype, shape: shape,
        bytes: rows + [UInt8](repeating: 0, count: byteCount - rows.count))
    case .output, .bias:
      entries = try ComputedTensor(info.name, dtype: info.dtype, shape: shape) {
        sink throws(CheckpointError) in
        let mean = try MeanEntry.bytes(of: member, in: weights)
        for _ in 0..<added { try sink(mean.span.rawBytes) }
      }
    }
    let archive = ComputedArchive([entries], format: weights.format, path: weights.path)
    let rows = MergedRegion(
      module: info.name.string, rows: counts.before..<counts.after,
      changes: [MergedChange(.replacement(try FactorView(archive, at: 0)))])
    var tensor = try MergedTensor(
      changing: weights, at: member.index, width: member.width, regions: [rows])
    tensor.shape[member.role == .bias ? tensor.shape.count - 1 : 0] = counts.after
    return tensor
  }

  func change(_ config: JSONObject) throws(CheckpointError) -> JSONObject? {
    var config = config
    let size = JSONValue(counts.after)
    if var text = config["text_config"]?.object, text["vocab_size"] != nil {
      text["vocab_size"] = size
      config["text_config"] = .object(text)
    }
    if config["vocab_size"] != nil { config["vocab_size"] = size }
    return config
  }

  var newFiles: [(name: String, bytes: [UInt8])] {
    let list: JSONObject = [
      "vocab_size": JSONValue(counts.after), "prompts": .array(prompts.map { .object($0.json) }),
    ]
    let style = JSONStyle(
      indent: nil, escapesNonASCII: true, sortsKeys: false, quotesNonFinite: true)
    return [(Self.listName, JSONValue.object(list).encoded(style) + [UInt8(ascii: "\n")])]
  }
}

/// A prompt whose vectors are tokens of a model.
public struct EmbeddedPrompt: Sendable, Hashable {
  /// The task of a multitask adapter; nil for the only prompt of another.
  public let task: Int?
  /// The ids of the tokens, in the order of the prompt.
  public let tokenIDs: Range<Int>

  /// The entry in a list of prompts.
  public var json: JSONObject {
    [
      "task": task.map { JSONValue($0) } ?? .null,
      "token_ids": .array(tokenIDs.map { JSONValue($0) }),
    ]
  }
}

/// What the output layer of a model has for tokens that are prompts.
public enum EmbeddedOutput: String, Sendable {
  /// The rows of the prompts: it is the input embedding, so that sampling can choose these tokens.
  case tied
  /// The mean of its other rows, whose logit is never the largest.
  case own
  /// Nothing: the model has no output layer.
  case none
}
