internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

extension ConversionPlan {
  /// Plans a directory out of a directory: an adapter, or a model.
  init(
    directory tree: DirectoryTree, to destination: String, options: ConversionOptions,
    configs: ConfigRewriter
  ) throws(CheckpointError) {
    self.init(source: tree.root, destination: destination, isDirectory: true, options: options)
    if !options.isKnownApart { try refuseNesting() }
    if let other = tree.others.first {
      throw CheckpointError(
        .unsupported, "can be neither converted nor copied: it is no file and no directory",
        path: tree.path(of: other))
    }
    directories = tree.directories
    var adapters = AdapterDirectory.all(in: tree)
    if adapters[.root] == nil, ModelDirectory.isModel(source) {
      try addModel(of: tree)
      return
    }
    if adapters[.root] == nil { adapters[.root] = try AdapterDirectory(path: source) }
    if !options.convertsInnerAdapters { adapters = adapters.filter { $0.key == .root } }
    try addAdapters(adapters, in: tree, configs)
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

  /// Adds the adapters of a tree.
  private mutating func addAdapters(
    _ adapters: [RelativePath: AdapterDirectory], in tree: DirectoryTree,
    _ configs: ConfigRewriter
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
    for directory in [.root] + tree.directories {
      guard let adapter = adapters[directory] else { continue }
      let config = try configs.rewrite(path: adapter.configPath)
      let name = directory.appending(weightsName)
      let weights = try TensorPlan(
        Checkpoint.open(path: adapter.weightsPath), options: options, record: casts)
      report += weights.report
      files.append(
        File(
          name: directory.appending(AdapterConfig.fileName),
          contents: .bytes(config)))
      files.append(
        File(name: name, contents: .weights(try weights.file(named: name.string))))
    }
    for file in tree.files {
      let isPart = AdapterDirectory.isPart(file) && adapters[file.parent] != nil
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
