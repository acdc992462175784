// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import DistributedCheckpoint
internal import Files
internal import PEFT
public import Tensors

/// A conversion of a file or a directory.
///
/// The destination appears whole or not at all, and may be the source.
public struct ConversionJob: Sendable {
  /// The path that is read: a checkpoint file, an index of shards, or the directory of an adapter,
  /// of a model, or of a distributed checkpoint.
  public let source: String
  /// The path that is written: a file for a file, unless it is split into shards; otherwise a
  /// directory.
  public let destination: String
  /// The options.
  public let options: ConversionOptions
  /// The listing of the source, if it is a directory that a walk has just listed.
  var listing: DirectoryListing?
  /// Whether a source directory and its destination are checked not to contain each other.
  var checksNesting = true
  /// Rewrites configs.
  var configs = ConfigRewriter()

  /// Creates a conversion.
  public init(source: String, destination: String, options: ConversionOptions) {
    self.source = source
    self.destination = destination
    self.options = options
  }

  /// Plans the conversion: what will be read and written.
  ///
  /// An adapter's weights are converted and its config is written as PEFT writes it; a model's
  /// weights are converted, in as many files as they come in unless a limit is given. All other
  /// files are copied, symbolic links followed, since hub caches are made of them.
  ///
  /// - Throws: what opening the source throws; `invalidArgument` when source or destination is
  ///   inside the other; `unsupported` for an entry that can be neither converted nor copied.
  /// - Complexity: O(tensors); no tensor data is read.
  public func plan() throws(CheckpointError) -> ConversionPlan {
    if let listing, let tree = DirectoryTree(of: source, listed: listing) {
      return try ConversionPlan(
        directory: tree, to: destination, options: options, configs: configs,
        checksNesting: checksNesting)
    }
    if try PathKind(path: source) == .directory {
      if let archive = try distributed() {
        guard options.shardByteCount != nil else {
          return try ConversionPlan(
            file: source, opened: archive, to: destination, options: options)
        }
        return try ConversionPlan(
          shardsOf: source, opened: archive, to: destination, options: options)
      }
      return try ConversionPlan(
        directory: DirectoryTree(of: source), to: destination, options: options,
        configs: configs, checksNesting: checksNesting)
    }
    if options.shardByteCount != nil {
      return try ConversionPlan(shardsOf: source, to: destination, options: options)
    }
    return try ConversionPlan(file: source, to: destination, options: options)
  }

  /// Whether a source is a directory with a distributed checkpoint, which becomes a file.
  public static func isDistributedCheckpoint(_ source: String) -> Bool {
    PathKind.existing(source) == .directory && !AdapterDirectory.hasConfig(source)
      && !ModelDirectory.isModel(source) && DistributedDirectory.exists(at: source)
  }

  /// The distributed checkpoint in the source directory; nil for the directory
  /// of an adapter or a model.
  private func distributed() throws(CheckpointError) -> AssembledArchive? {
    Self.isDistributedCheckpoint(source) ? try DistributedDirectory.open(existing: source) : nil
  }

  /// Plans and carries out the conversion.
  ///
  /// - Throws: what `plan` throws; `alreadyExists`, `system`, `interrupted` and the like for the
  ///   destination; `truncated` or `malformed` when the source's data is damaged.
  /// - Complexity: O(bytes), in constant memory beyond headers.
  public func run() throws(CheckpointError) -> ConversionOutcome {
    try plan().execute()
  }
}
