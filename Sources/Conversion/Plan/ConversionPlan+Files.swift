internal import Archives
internal import Checkpoints
internal import Files
internal import Tensors

extension ConversionPlan {
  /// Plans one file out of a file, or out of the shards of an index.
  init(
    file source: String, to destination: String, options: ConversionOptions
  ) throws(CheckpointError) {
    self.init(source: source, destination: destination, isDirectory: false, options: options)
    // Whoever named a directory has not meant the folder in a torch file to be called after it.
    try AtomicFile.refuseSlash(after: destination)
    let archive = try Checkpoint.open(path: source)
    try refuseReplacingShard(of: archive)
    let weights = try TensorPlan(archive, options: options, record: casts)
    report = weights.report
    files = [
      File(
        name: RelativePath(destination),
        contents: .weights(try weights.file(named: destination)))
    ]
  }

  /// Plans a directory of shards out of a file, or out of the shards of an index.
  init(
    shardsOf source: String, to destination: String, options: ConversionOptions
  ) throws(CheckpointError) {
    self.init(source: source, destination: destination, isDirectory: true, options: options)
    try refuseHolding(
      "the file that is converted",
      hint:
        "name a new directory; a model's own is converted by its name, and keeps its other files")
    try addModel(path: source, at: .root)
  }

  /// The index would be left with a shard that holds everything, and others that hold it again.
  private func refuseReplacingShard(of archive: any TensorArchive) throws(CheckpointError) {
    let others = archive.files.map(\.path).filter { $0 != source }
    guard others.contains(where: { PathRelation.areSame($0, destination) }) else { return }
    throw CheckpointError(
      .invalidArgument, "is a shard of \(source), which is converted", path: destination,
      hint: "name another file")
  }

  /// Adds the weights of a model, in shards where they are large, with an index.
  ///
  /// - Parameters:
  ///   - path: the path of the weights or of their index.
  ///   - singleFileIndex: an index of the weights, which are a single file; a new one is written.
  mutating func addModel(
    path: String, at directory: RelativePath, singleFileIndex: ShardIndex? = nil
  ) throws(CheckpointError) {
    let (archive, index) = try Checkpoint.openWithIndex(InputFile(path: path))
    guard let naming = ShardNaming(modelIn: options.format) else {
      throw CheckpointError(
        .unsupported, "cannot become a directory of \(options.format.name) files",
        path: source, hint: "name a file to write, or another format")
    }
    let weights = try TensorPlan(archive, options: options, record: casts)
    report += weights.report
    let tensors = weights.archive.tensors
    let shards: ShardPlan
    if let limit = options.shardByteCount {
      shards = try ShardPlan(tensors, limit: limit, naming: naming)
    } else {
      // The files stay as they are: what was downloaded as ten goes out as ten.
      let groups = weights.members.map { archive.location(of: $0).path }
      shards = try ShardPlan(tensors, groupedBy: groups, naming: naming)
    }
    for shard in shards.shards {
      let file = try weights.file(named: shard.fileName, holding: shard.tensors)
      files.append(
        File(name: directory.appending(shard.fileName), contents: .weights(file)))
    }
    let newIndex = shards.index(
      keeping: (index ?? singleFileIndex)?.metadata, evenOfSingleFile: singleFileIndex != nil)
    if let newIndex {
      files.append(
        File(name: directory.appending(naming.indexName), contents: .bytes(newIndex.encoded())))
    }
  }
}
