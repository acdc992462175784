// SPDX-License-Identifier: Apache-2.0
package import Archives
internal import Checkpoints
internal import Files
package import Kernels
public import PEFT
public import Tensors

/// The findings about one checkpoint, adapter or config, without running it.
public struct Validation: Sendable {
  /// What was checked.
  public enum Kind: String, Sendable {
    /// A checkpoint file, or an index with its shards.
    case file
    /// An adapter directory.
    case adapter
    /// A model directory.
    case model
    /// A config without weights.
    case config
  }

  /// The path as it was given.
  public let path: String
  /// What is at the path.
  public let kind: Kind
  /// The name of the variant of the weights' format; nil for a config.
  public let format: String?
  /// The path of the config: a file in the directory of an adapter, or the path itself.
  public let configPath: String
  /// The path of the weights: a file in a directory, or the path itself.
  public let weightsPath: String
  /// The number of tensors; nil for a config.
  public let tensorCount: Int?
  /// How an adapter binds to the base model that it was checked against; nil without one.
  public let binding: Binding?
  /// The findings: those about the config first, those about values last.
  public let findings: [Finding]

  /// Checks what is at a path: a checkpoint file, an index of shards, an `adapter_config.json`, or
  /// the directory of an adapter or a model.
  ///
  /// - Throws: what opening and reading it throws.
  /// - Complexity: O(bytes of the weights), in constant memory.
  public init(
    path: String, options: FindingOptions = FindingOptions()
  ) throws(CheckpointError) {
    try self.init(path: path, options: options) { _ in }
  }

  /// Checks what is at a path.
  ///
  /// - Parameter observer: is given the weights before they are read.
  /// - Throws: as `init(path:options:)`.
  package init(
    path: String, options: FindingOptions, _ observer: (any TensorArchive) -> Void
  ) throws(CheckpointError) {
    if Self.isConfig(path), let file = try InputFile(unlessDirectory: path),
      try CheckpointFormats.format(of: file) == nil
    {
      self.init(path, .config, nil, try AdapterConfig(file).findings(options))
    } else {
      let checkpoint = try OpenedCheckpoint(path: path)
      observer(checkpoint.archive)
      try self.init(checkpoint, path: path, options: options)
    }
  }

  /// Checks an open checkpoint.
  ///
  /// - Throws: what reading the data throws.
  init(
    _ checkpoint: OpenedCheckpoint, path: String, options: FindingOptions
  ) throws(CheckpointError) {
    try self.init(checkpoint, path: path, options: options) { archive throws(CheckpointError) in
      try archive.surveyValues()
    }
  }

  /// Checks an open checkpoint.
  ///
  /// - Parameter survey: surveys the values of all tensors.
  /// - Throws: what `survey` throws.
  package init(
    _ checkpoint: OpenedCheckpoint, path: String, options: FindingOptions,
    survey: (any TensorArchive) throws(CheckpointError) -> [ValueSurvey]
  ) throws(CheckpointError) {
    let archive = checkpoint.archive
    // PEFT and transformers refuse such a file.
    try archive.requireDataOnly()
    switch checkpoint {
    case .adapter(let adapter):
      let (findings, binding) = try adapter.examination(options, surveys: survey(archive))
      self.init(
        path, .adapter, archive, findings, binding, configPath: adapter.directory.configPath)
    case .model(let model):
      self.init(
        path, .model, archive,
        archive.foreignFindings(in: .model) + model.findings(surveys: try survey(archive)))
    case .file:
      self.init(
        path, .file, archive,
        archive.fileFindings + archive.foreignFindings(in: .file)
          + archive.valueFindings(of: try survey(archive)))
    }
  }

  private init(
    _ path: String, _ kind: Kind, _ archive: (any TensorArchive)?, _ findings: [Finding],
    _ binding: Binding? = nil, configPath: String? = nil
  ) {
    self.path = path
    self.configPath = configPath ?? path
    weightsPath = archive?.path ?? path
    self.kind = kind
    format = archive?.variant.name
    tensorCount = archive?.tensorCount
    self.findings = findings
    self.binding = binding
  }

  /// Whether a path is that of a config: JSON that is not an index of shards. A checkpoint can have any
  /// name.
  private static func isConfig(_ path: String) -> Bool {
    path.hasSuffix(".json") && !path.hasSuffix(".index.json")
  }
}
