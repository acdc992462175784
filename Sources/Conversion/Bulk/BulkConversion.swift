public import Archives
internal import Concurrency
internal import Files
public import Tensors

/// All adapters and checkpoints of a tree in, a tree of their conversions out (spec/bulk.md).
///
/// Each is converted by itself: what goes wrong with one is told, and the others are converted.
public struct BulkConversion: Sendable {
  /// Computes the content digest of an archive, whatever container it comes from.
  public typealias Digest = @Sendable (any TensorArchive) throws(CheckpointError) -> String

  /// The root of the tree that is read.
  public let source: String
  /// The root of the tree that is written; it is made where it is missing.
  public let destination: String
  /// How each is converted.
  public let options: ConversionOptions
  /// How digests are computed.
  public let digest: Digest
  /// What takes the digest of an output while it is written; nil reads the output again instead.
  public var makeHasher: (@Sendable () -> any OutputHasher)?
  /// The threads, each with a unit of its own; nil has one for each CPU, and no fewer than eight where
  /// outputs are flushed to the drive.
  public var jobs: Int?
  /// Whether outputs that are there are checked and kept.
  public var resumes = false
  /// The part of the work to do; nil does all of it.
  public var shard: WorkShard?
  /// Where the manifest is written; nil writes it into the destination.
  public var manifestPath: String?

  /// Describes the work.
  public init(
    source: String, destination: String, options: ConversionOptions, digest: @escaping Digest
  ) {
    self.source = source
    self.destination = destination
    self.digest = digest
    var options = options
    options.convertsInnerDirectories = true
    self.options = options
  }

  /// Does it.
  ///
  /// - Parameter observer: is told of each unit that is done, on the thread that did it.
  /// - Returns: the sums.
  /// - Throws: what `CheckpointFinder` throws for the root; `invalidArgument` when the trees lie in one
  ///   another; `alreadyExists` for a manifest that is there and not to be resumed; `system` when it
  ///   cannot be written; `interrupted`, when a signal asked to stop.
  /// - Complexity: O(bytes); memory for a directory's names, and with `resumes` for a record of each
  ///   unit.
  public func run(
    _ observer: @escaping @Sendable (BulkEvent) -> Void = { _ in }
  ) throws(CheckpointError) -> BulkSummary {
    try refuseNesting()
    let finder = try finder()
    var directories = DirectoryMaker(
      root: destination, like: source, synchronizes: options.policy.synchronizes)
    try directories.makeRoot()
    let converter = UnitConverter(self, known: try knownRecords())
    let run = BulkRunState(
      source: source, finder: finder, manifest: try openManifest(), observer: observer)
    WorkerPool.run(count: jobs ?? defaultJobs) { [directories] in run.work(converter, directories) }
    return try run.finish(synchronizing: options.policy.synchronizes)
  }

  /// A thread that flushes waits for the drive, which serves many at once at the price of one.
  private var defaultJobs: Int {
    max(AvailableCPUs.count, options.policy.synchronizes ? 8 : 1)
  }

  /// The finder of what is to be done, for example to count it.
  ///
  /// - Throws: as `CheckpointFinder.init`.
  public func finder() throws(CheckpointError) -> CheckpointFinder {
    guard try PathKind(path: source) == .directory else {
      throw CheckpointError(
        .invalidArgument, "is not a directory", path: source,
        hint: "a single file is converted without --recursive")
    }
    return try CheckpointFinder(in: source, target: options.format, shard: shard)
  }

  /// An output among the inputs would be found and converted again.
  private func refuseNesting() throws(CheckpointError) {
    // What is missing is judged by the first directory above it that is there.
    var path = RelativePath(destination)
    while !path.string.isEmpty, PathKind.existing(path.string) == nil { path = path.parent }
    let place = path.string.isEmpty ? "." : path.string
    // Whatever lies in `place` lies in `source` when `place` does or is it.
    if PathRelation.isInside(place + "/x", source) {
      throw CheckpointError(
        .invalidArgument, "lies in \(source), the tree that is converted", path: destination)
    }
    if PathRelation.isInside(source, destination) {
      throw CheckpointError(
        .invalidArgument, "holds \(source), the tree that is converted", path: destination)
    }
  }
}

/// Takes the digest of an output while it is written.
public protocol OutputHasher: TensorWatcher {
  /// The digest of the tensors seen so far, as `BulkConversion.Digest` spells it.
  var text: String { get }
}
