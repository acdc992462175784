internal import Files
public import Tensors

/// A file or a directory in, one out.
///
/// The destination appears whole or not at all, and may be the source.
public struct ConversionJob: Sendable {
  /// What is read: a checkpoint file, an index of shards, or the directory of an adapter or a model.
  public let source: String
  /// What is written: a file for a file, unless it is split into shards, else a directory.
  public let destination: String
  /// How.
  public let options: ConversionOptions
  /// What a walk has just found in the source, where it is a directory that one came to.
  var listing: DirectoryListing?
  /// What rewrites configs.
  var configs = ConfigRewriter()

  /// Describes a conversion.
  public init(source: String, destination: String, options: ConversionOptions) {
    self.source = source
    self.destination = destination
    self.options = options
  }

  /// Says what will be read and written.
  ///
  /// An adapter's weights are converted and its config is written as PEFT writes it; a model's
  /// weights are converted, in as many files as they come in unless a limit is given. All other files
  /// are copied, symbolic links followed, since hub caches are made of them.
  ///
  /// - Throws: what opening the source throws; `invalidArgument` when source and destination lie in
  ///   one another; `unsupported` for something that can be neither converted nor copied.
  /// - Complexity: O(tensors); no tensor data is read.
  public func plan() throws(CheckpointError) -> ConversionPlan {
    if let listing, let tree = DirectoryTree(of: source, listed: listing) {
      return try ConversionPlan(
        directory: tree, to: destination, options: options, configs: configs)
    }
    if try PathKind(path: source) == .directory {
      return try ConversionPlan(
        directory: DirectoryTree(of: source), to: destination, options: options,
        configs: configs)
    }
    if options.shardByteCount != nil {
      return try ConversionPlan(shardsOf: source, to: destination, options: options)
    }
    return try ConversionPlan(file: source, to: destination, options: options)
  }

  /// Converts.
  ///
  /// - Throws: what `plan` throws; `alreadyExists`, `system`, `interrupted` and the like for the
  ///   destination; `truncated` or `malformed` when the source's data is damaged.
  /// - Complexity: O(bytes), in constant memory beyond headers.
  public func run() throws(CheckpointError) -> ConversionOutcome {
    try plan().execute()
  }
}
