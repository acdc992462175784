internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

extension ConversionPlan {
  /// Plans a directory out of a directory: an adapter, or a model.
  init(
    directory source: String, to destination: String, options: ConversionOptions
  ) throws(CheckpointError) {
    self.init(source: source, destination: destination, isDirectory: true, options: options)
    if !options.isKnownApart { try refuseNesting() }
    let tree = try DirectoryTree(of: source)
    if let other = tree.others.first {
      throw CheckpointError(
        .unsupported, "can be neither converted nor copied: it is no file and no directory",
        path: tree.path(of: other))
    }
    directories = tree.directories
    let adapter = AdapterDirectory(existing: source)
    if let adapter {
      try addAdapters(adapter, in: tree)
    } else if !ModelDirectory.isModel(source) {
      try addAdapters(AdapterDirectory(path: source), in: tree)
    } else {
      try addModel(of: tree)
    }
  }

  /// A destination in the source would be copied into itself; a source in the destination would go
  /// with what is replaced.
  private func refuseNesting() throws(CheckpointError) {
    if PathRelation.isInside(destination, source) {
      throw CheckpointError(
        .invalidArgument, "lies in \(source), the directory that is converted", path: destination)
    }
    try refuseHolding("the directory that is converted")
  }

  /// - Parameter what: what the source is, for the message.
  func refuseHolding(_ what: String, hint: String? = nil) throws(CheckpointError) {
    guard PathRelation.isInside(source, destination) else { return }
    throw CheckpointError(
      .invalidArgument, "holds \(source), \(what)", path: destination, hint: hint)
  }

  /// Adds an adapter, and if asked those inside it.
  private mutating func addAdapters(
    _ outermost: AdapterDirectory, in tree: DirectoryTree
  ) throws(CheckpointError) {
    guard let weightsName = options.format.adapterWeightsName else {
      throw CheckpointError(
        .unsupported, "is an adapter, which PEFT does not load from \(options.format.rawValue)",
        path: source, hint: "convert its weights file instead")
    }
    guard options.shardByteCount == nil else {
      throw CheckpointError(
        .unsupported, "is an adapter, whose weights PEFT loads from one file only", path: source)
    }
    var adapters: Set<RelativePath> = []
    var places = [(RelativePath(""), outermost)]
    if options.convertsInnerAdapters {
      for directory in tree.directories {
        let inner = AdapterDirectory(existing: tree.path(of: directory))
        if let inner { places.append((directory, inner)) }
      }
    }
    for (directory, files) in places {
      adapters.insert(directory)
      let adapter = try Adapter(files)
      let name = directory.appending(weightsName)
      let weights = try TensorPlan(adapter.weights, options: options, record: casts)
      report += weights.report
      self.files.append(
        File(
          name: directory.appending(AdapterConfig.fileName),
          contents: .bytes(adapter.config.encoded())))
      self.files.append(
        File(name: name, contents: .weights(try weights.file(named: name.string))))
    }
    for file in tree.files {
      let isPart = AdapterDirectory.isPart(file.name) && adapters.contains(file.parent)
      if !isPart { files.append(File(name: file, contents: .copy(of: file))) }
    }
  }

  private mutating func addModel(of tree: DirectoryTree) throws(CheckpointError) {
    let model = try ModelDirectory(path: source)
    try addModel(Checkpoint.open(path: model.weightsPath))
    var replaced = Set(
      (model.weightFileNames + model.supersededNames).map { RelativePath($0) })
    if let config = try model.configForUsualNames() {
      let name = RelativePath(config.name)
      replaced.insert(name)
      files.append(File(name: name, contents: .bytes(config.bytes)))
    }
    for file in tree.files where !replaced.contains(file) {
      files.append(File(name: file, contents: .copy(of: file)))
    }
  }
}
