// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Concurrency
internal import Files
public import Tensors

/// A conversion of all adapters and checkpoints of a tree into another tree (spec/bulk.md).
///
/// Units are converted separately: one that fails is reported, and the others are converted.
public struct BulkConversion: Sendable {
  /// Computes the content digest of an archive of any format.
  public typealias Digest = @Sendable (any TensorArchive) throws(CheckpointError) -> String

  /// The root of the tree that is read.
  public let source: String
  /// The root of the tree that is written; it is created if it is missing.
  public let destination: String
  /// The options of every conversion.
  public let options: ConversionOptions
  /// The function that computes digests.
  public let digest: Digest
  /// Creates a hasher that computes the digest of an output while it is written; nil reads the
  /// output again instead.
  public var makeHasher: (@Sendable () -> any OutputHasher)?
  /// The number of threads, each converting a unit at a time; nil uses one for each CPU, and at
  /// least eight if outputs are flushed to the drive.
  public var jobs: Int?
  /// Whether existing outputs are verified and kept.
  public var resumes = false
  /// The part of the work to process; nil for all of it.
  public var shard: WorkPartition?
  /// Words the remedy of an error for the manifest.
  public var remedyWording: @Sendable (CheckpointError.Remedy) -> String = { $0.description }
  /// The path of the manifest; nil for one in the destination.
  public var manifestPath: String?

  /// Creates a bulk conversion.
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

  /// Converts the tree.
  ///
  /// - Parameter observer: called for each finished unit, on the thread that converted it.
  /// - Returns: the counts and sizes.
  /// - Throws: what `CheckpointFinder` throws for the root; `invalidArgument` when one tree is
  ///   inside the other; `alreadyExists` for an existing manifest that is not to be resumed;
  ///   `system` when it cannot be written; `interrupted` after a signal.
  /// - Complexity: O(bytes); memory for a directory's names, and with `resumes` for a record of
  ///   each unit.
  public func run(
    _ observer: @escaping @Sendable (BulkEvent) -> Void = { _ in }
  ) throws(CheckpointError) -> BulkSummary {
    try refuseNesting()
    let finder = try finder()
    try refuseManifestAmongOutputs()
    var directories = DirectoryMaker(
      root: destination, like: source, synchronizes: options.policy.synchronizes)
    try directories.makeRoot()
    let converter = UnitConverter(self, known: try knownRecords())
    let run = BulkRunState(
      source: source, finder: finder, manifest: try openManifest(),
      remedyWording: remedyWording, observer: observer)
    WorkerPool.run(count: jobs ?? defaultJobs) { [directories] in run.work(converter, directories) }
    return try run.finish(synchronizing: options.policy.synchronizes)
  }

  /// The default number of threads. Threads that flush mostly wait for the drive, which can serve
  /// several at once.
  private var defaultJobs: Int {
    max(AvailableCPUs.count, options.policy.synchronizes ? 8 : 1)
  }

  /// A finder of the units, for example to count them.
  ///
  /// - Throws: as `CheckpointFinder.init`.
  public func finder() throws(CheckpointError) -> CheckpointFinder {
    guard try PathKind(path: source) == .directory else {
      throw CheckpointError(
        .invalidArgument, "is not a directory", path: source,
        remedy: .convertAlone)
    }
    return try CheckpointFinder(in: source, target: options.format, shard: shard)
  }

  /// Refuses a manifest where an output is written, or in a directory that is an output: one would
  /// replace the other (spec/bulk.md, B13).
  private func refuseManifestAmongOutputs() throws(CheckpointError) {
    guard let manifestPath else { return }
    let manifest = RelativePath(manifestPath).string
    let root = RelativePath(destination).string
    guard manifest.hasPrefix(root + "/") || PathRelation.isInside(manifestPath, destination) else {
      return
    }
    var finder = try CheckpointFinder(in: source, target: options.format)
    while let item = finder.next() {
      guard case .unit(let unit) = item else { continue }
      let output = RelativePath(unit.destination.string(in: destination)).string
      guard
        manifest == output || manifest.hasPrefix(output + "/")
          || PathRelation.areSame(manifestPath, output)
          || PathRelation.isInside(manifestPath, output)
      else { continue }
      throw CheckpointError(
        .invalidArgument,
        "cannot be the manifest: \(unit.source.string(in: source)) becomes \(output)",
        path: manifestPath, hint: "name a file outside of all outputs")
    }
  }

  /// Refuses trees inside each other: an output among the inputs would be converted again.
  private func refuseNesting() throws(CheckpointError) {
    // A missing path is judged by the first existing directory above it.
    var path = RelativePath(destination)
    while !path.string.isEmpty, PathKind.existing(path.string) == nil { path = path.parent }
    let place = path.string.isEmpty ? "." : path.string
    // Everything in `place` is inside `source` if `place` is inside it or is the same.
    if PathRelation.isInside(place + "/x", source) {
      throw CheckpointError(
        .invalidArgument, "is inside \(source), the tree being converted", path: destination)
    }
    if PathRelation.isInside(source, destination) {
      throw CheckpointError(
        .invalidArgument, "contains \(source), the tree being converted", path: destination)
    }
  }
}

/// Computes the digest of an output while it is written.
public protocol OutputHasher: TensorWatcher {
  /// The digest of the tensors seen so far, in the form of `BulkConversion.Digest`.
  var text: String { get }
}
