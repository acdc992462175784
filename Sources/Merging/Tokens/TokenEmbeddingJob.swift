// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Conversion
public import Files
internal import PEFT
public import Tensors

/// The prompts of an adapter as new tokens of its base model, so that any program that runs the model
/// runs the prompts, as ids in front of the text (spec/embedded-prompts.md).
public struct TokenEmbeddingJob: Sendable {
  /// The adapter directory.
  public let adapter: String
  /// The directory of the base model.
  public let base: String
  /// The directory that is written.
  public let destination: String
  /// The tasks of a multitask adapter, in the order of their tokens; nil for all.
  public var tasks: [Int]?
  /// The size of the vocabulary becomes a multiple of this number; at least 1.
  public var vocabularyMultiple = 1
  /// The largest size of the tensors of a file, in bytes; nil to keep the shards.
  public var shardByteCount: Int?
  /// Whether existing outputs are replaced, and whether outputs are flushed.
  public var policy = OutputPolicy()

  /// Describes a job.
  ///
  /// - Parameters:
  ///   - adapter: the adapter directory.
  ///   - base: the directory of the base model.
  ///   - destination: the directory that is written.
  public init(adapter: String, base: String, destination: String) {
    self.adapter = adapter
    self.base = base
    self.destination = destination
  }

  /// Plans the model: its tokens, and what is read and written.
  ///
  /// - Throws: `unsupported` for prompts that are no rows of an embedding, and for models that change
  ///   the rows they look up; `mismatch` when prompt and embedding differ in width; what opening
  ///   adapter and model throws.
  /// - Complexity: O(tensors + prompts); no weights of the base model are read.
  public func plan() throws(CheckpointError) -> TokenEmbeddingPlan {
    guard vocabularyMultiple >= 1 else {
      throw .invalidArgument("the size of a vocabulary is a multiple of 1 or more")
    }
    let prompts = try AdapterPrompts(Adapter(path: adapter), tasks: tasks)
    guard try PathKind(path: base) == .directory else {
      throw CheckpointError(
        .invalidArgument, "is not the directory of a model, whose config new tokens change",
        path: base)
    }
    let model = try BaseModel(path: base)
    guard let weights = model.weights else {
      throw CheckpointError(.missing, "has no weights, to which tokens are added", path: base)
    }
    let change = try TokenEmbedding(prompts, in: model, weights, multiple: vocabularyMultiple)
    var options = ConversionOptions(format: weights.format, policy: policy)
    options.modelChange = change
    options.shardByteCount = shardByteCount
    let conversion = try ConversionJob(source: base, destination: destination, options: options)
      .plan()
    return TokenEmbeddingPlan(
      conversion: conversion, prompts: change.prompts, vocabularySizes: change.counts,
      output: change.output, notes: notes(change))
  }

  /// The files by which a tokenizer is known.
  private static let tokenizerNames = [
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt",
  ]

  private func notes(_ change: TokenEmbedding) -> [String] {
    var notes: [String] = []
    if Self.tokenizerNames.contains(where: { PathKind.existing(base + "/" + $0) == .file }) {
      notes.append("the tokenizer is copied: it has no text for the new tokens, whose ids are sent")
    }
    if change.output == .tied {
      notes.append(
        "the output layer is tied to the embedding, so that sampling can choose the new tokens: "
          + "suppress their ids where the server can")
    }
    return notes
  }
}

/// A model with prompts as tokens, before it is written.
public struct TokenEmbeddingPlan: Sendable {
  /// What is read and written.
  public let conversion: ConversionPlan
  /// The prompts and the ids of their tokens.
  public let prompts: [EmbeddedPrompt]
  /// The size of the vocabulary before and after.
  public let vocabularySizes: (before: Int, after: Int)
  /// What the output layer has for the new tokens.
  public let output: EmbeddedOutput
  /// What a user should know.
  public let notes: [String]
}
