// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Conversion
internal import Files
public import PEFT
public import Tensors

/// A merge of adapters into the weights of their base model (spec/merging.md).
///
/// The base model is converted, with the changed weights in place of its own: files that have no weights
/// are copied, and the destination appears whole or not at all. Peak memory does not grow with the
/// model.
public struct MergeJob: Sendable {
  /// The base model: its directory, an index of shards, or a weights file.
  public let base: BaseModel
  /// The adapters, in the order of merging.
  public let sources: [MergeTargets.Source]
  /// The path that is written: a directory for a directory or an index, a file for a file.
  public let destination: String
  /// The options.
  public let options: MergeOptions

  /// Creates a merge.
  ///
  /// - Parameters:
  ///   - sources: the adapters, in the order of merging; at least one.
  ///   - base: their base model.
  ///   - destination: the path that is written.
  ///   - options: the options.
  public init(
    _ sources: [MergeTargets.Source], into base: BaseModel, destination: String,
    options: MergeOptions = MergeOptions()
  ) {
    precondition(!sources.isEmpty, "a merge needs an adapter")
    self.sources = sources
    self.base = base
    self.destination = destination
    self.options = options
  }

  /// Plans the merge: which tensors change, and which files are written.
  ///
  /// - Throws: `unsupported` for a method, a module or a base model
  ///   that cannot be merged, `mismatch` for tensors that do not fit the base model, `missing` for a
  ///   base model without weights; what planning a conversion throws. Nothing is written.
  /// - Complexity: O(tensors); no tensor data of the base model is read.
  public func plan() throws(CheckpointError) -> MergePlan {
    let targets = try MergeTargets(
      sources, into: base, style: options.style, sumsFirst: options.sumsFirst)
    let model = MergedModel(targets, of: base, options: options)
    var conversion = ConversionOptions(format: format, policy: options.policy)
    conversion.shardByteCount = options.shardByteCount
    conversion.modelChange = model
    let plan = try ConversionJob(
      source: weightsPath, destination: destination, options: conversion
    ).plan()
    return try MergePlan(self, conversion: plan, model: model)
  }

  /// Plans and carries out the merge.
  ///
  /// - Throws: what `plan` and `MergePlan.execute` throw.
  /// - Complexity: O(bytes of the base model + elements of changed weights · rank), in memory that
  ///   does not grow with the model.
  public func run() throws(CheckpointError) -> MergeReport {
    try plan().execute()
  }

  /// The format of the merged weights.
  private var format: any CheckpointFormat {
    PathKind.existing(weightsPath) == .directory
      ? CheckpointFormats.standard
      : CheckpointFormats.format(ofFileName: destination) ?? CheckpointFormats.standard
  }

  /// The path of the weights: that of the base model, which may have been given by its config.
  private var weightsPath: String {
    let name = "config.json"
    guard base.path == name || base.path.hasSuffix("/" + name) else { return base.path }
    let directory = base.path.dropLast(name.count)
    return directory.isEmpty ? "." : String(directory)
  }
}
