// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import Tensors

extension ConversionPlan {
  /// Plans the conversion of a file, of the shards of an index or of a distributed checkpoint, to one
  /// file.
  ///
  /// - Parameter opened: the source, if it is open already.
  init(
    file source: String, opened: (any TensorArchive)? = nil, to destination: String,
    options: ConversionOptions
  ) throws(CheckpointError) {
    self.init(source: source, destination: destination, isDirectory: false, options: options)
    // A directory output does not name the torch archive's root folder.
    try AtomicFile.refuseSlash(after: destination)
    let archive = if let opened { opened } else { try Checkpoint.open(path: source) }
    try refuseReplacingShard(of: archive)
    let changed = try options.modelChange?.change(archive) ?? archive
    let weights = try TensorPlan(changed, options: options, record: casts)
    report = weights.report
    files = [
      File(
        name: RelativePath(destination),
        contents: .weights(try weights.file(named: destination)))
    ]
  }

  /// Plans the conversion of a file, of the shards of an index or of a distributed checkpoint, to a
  /// directory of shards.
  ///
  /// - Parameter opened: the source, if it is open already.
  init(
    shardsOf source: String, opened: (any TensorArchive)? = nil, to destination: String,
    options: ConversionOptions
  ) throws(CheckpointError) {
    self.init(source: source, destination: destination, isDirectory: true, options: options)
    try refuseHolding(
      "the file being converted",
      hint:
        "name a new directory; to convert a model in place, name its directory as the source")
    try addModel(path: source, opened: opened, at: .root)
  }

  /// Refuses a destination that is a shard of the source: the index would then name a shard with
  /// all tensors and others that contain them again.
  private func refuseReplacingShard(of archive: any TensorArchive) throws(CheckpointError) {
    let others = archive.files.map(\.path).filter { $0 != source }
    guard others.contains(where: { PathRelation.areSame($0, destination) }) else { return }
    throw CheckpointError(
      .invalidArgument, "is a shard of \(source), which is being converted", path: destination,
      hint: "name another file")
  }

  /// Adds the weights of a model, in shards with an index if they are large.
  ///
  /// - Parameters:
  ///   - path: the path of the weights or of their index.
  ///   - opened: the weights, if they are open already; they have no index then.
  ///   - singleFileIndex: an index of the weights, which are a single file; a new one is written.
  mutating func addModel(
    path: String, opened: (any TensorArchive)? = nil, at directory: RelativePath,
    singleFileIndex: ShardIndex? = nil
  ) throws(CheckpointError) {
    let (stored, index) =
      if let opened {
        (opened, nil as ShardIndex?)
      } else {
        try Checkpoint.openWithIndex(
          path: path, replacesStaleIndex: options.replacesStaleIndexes)
      }
    guard let naming = ShardNaming(modelIn: options.format) else {
      throw CheckpointError(
        .unsupported, "cannot become a directory of \(options.format.name) files",
        path: source, hint: "name a file to write, or another format")
    }
    let change = directory == .root ? options.modelChange : nil
    let archive = try change?.change(stored) ?? stored
    let weights = try TensorPlan(archive, options: options, record: casts)
    report += weights.report
    let tensors = weights.archive.tensors
    let shards: ShardPlan
    if let limit = options.shardByteCount {
      shards = try ShardPlan(tensors, limit: limit, naming: naming)
    } else {
      // The number of files stays the same.
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
