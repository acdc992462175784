// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

extension ConversionPlan {
  /// Plans the conversion of the directory of an adapter or a model.
  init(
    directory tree: DirectoryTree, to destination: String, options: ConversionOptions,
    configs: ConfigRewriter, checksNesting: Bool
  ) throws(CheckpointError) {
    self.init(source: tree.root, destination: destination, isDirectory: true, options: options)
    if checksNesting { try refuseNesting() }
    if let other = tree.others.first {
      throw CheckpointError(
        .unsupported, "cannot be converted or copied: it is neither a file nor a directory",
        path: tree.path(of: other))
    }
    directories = tree.directories
    let adapters = AdapterDirectory.all(in: tree)
    var parts: Set<RelativePath> = []
    let hasConfig = tree.files.contains { $0 == RelativePath(AdapterConfig.fileName) }
    let isModel = adapters[.root] == nil && !hasConfig && ModelDirectory.isModel(source)
    if isModel || options.modelChange != nil {
      parts.formUnion(try addModel(at: .root, of: tree))
    } else {
      guard options.shardByteCount == nil else {
        throw CheckpointError(
          .unsupported, "is an adapter, whose weights PEFT loads from one file only", path: source)
      }
      let listed = adapters[.root]
      let adapter = if let listed { listed } else { try AdapterDirectory(path: source) }
      parts.formUnion(try addAdapter(adapter, at: .root, configs))
    }
    if options.convertsInnerDirectories {
      for inner in tree.innerCheckpoints(among: adapters) {
        if let adapter = inner.adapter {
          parts.formUnion(try addAdapter(adapter, at: inner.directory, configs))
        } else {
          parts.formUnion(try addModel(at: inner.directory, of: tree))
        }
      }
    }
    for file in tree.files where !parts.contains(file) {
      files.append(File(name: file, contents: .copy(of: file)))
    }
  }

  /// Refuses a destination inside the source, which would be copied into itself, and a source
  /// inside the destination, which would be replaced.
  private func refuseNesting() throws(CheckpointError) {
    if PathRelation.isInside(destination, source) {
      throw CheckpointError(
        .invalidArgument, "is inside \(source), the directory being converted", path: destination)
    }
    try refuseHolding("the directory being converted")
  }

  /// Refuses a destination that contains the source.
  ///
  /// - Parameter what: the kind of the source, for the message.
  func refuseHolding(_ what: String, hint: String? = nil) throws(CheckpointError) {
    guard PathRelation.isInside(source, destination) else { return }
    throw CheckpointError(
      .invalidArgument, "contains \(source), \(what)", path: destination, hint: hint)
  }

  /// Adds the config and weights of an adapter.
  ///
  /// - Returns: the files that must not be copied.
  private mutating func addAdapter(
    _ adapter: AdapterDirectory, at directory: RelativePath, _ configs: ConfigRewriter
  ) throws(CheckpointError) -> [RelativePath] {
    guard let weightsName = options.format.adapterWeightsName else {
      throw CheckpointError(
        .unsupported, "is an adapter, which PEFT does not load from \(options.format.name)",
        path: adapter.path, hint: "convert its weights file instead")
    }
    let config = try configs.rewrite(path: adapter.configPath, changes: options.configChanges)
    let name = directory.appending(weightsName)
    let weights = try TensorPlan(
      Checkpoint.open(path: adapter.weightsPath), options: options, record: casts)
    report += weights.report
    let configName = directory.appending(AdapterConfig.fileName)
    files.append(File(name: configName, contents: .bytes(config)))
    files.append(File(name: name, contents: .weights(try weights.file(named: name.string))))
    let superseded = adapter.supersededNames.map(directory.appending)
    addSuperseded(superseded, by: adapter.weightsName, loader: "PEFT")
    return [configName, directory.appending(adapter.weightsName)] + superseded
  }

  private mutating func addSuperseded(_ files: [RelativePath], by name: String, loader: String) {
    report.supersededFiles += files.map {
      ConversionReport.SupersededFile(path: $0, loadedName: name, loader: loader)
    }
  }

  /// Adds the weights of a model, and its config if it must be changed.
  ///
  /// - Returns: the files that must not be copied.
  private mutating func addModel(
    at directory: RelativePath, of tree: DirectoryTree
  ) throws(CheckpointError) -> [RelativePath] {
    let model = try ModelDirectory(path: directory.string(in: tree.root))
    try addModel(
      path: model.weightsPath, at: directory, singleFileIndex: model.singleFileIndex)
    let superseded = model.supersededNames.map { directory.appending($0) }
    addSuperseded(superseded, by: model.weightsName, loader: "transformers")
    var parts = model.weightFileNames.map { directory.appending($0) } + superseded
    let change = directory == .root ? options.modelChange : nil
    if model.isNamedByConfig || change != nil, let config = try model.config() {
      let name = directory.appending(config.name)
      let changed = try change?.changed(config: config.bytes)
      if model.isNamedByConfig || changed != nil {
        files.append(File(name: name, contents: .bytes(changed ?? config.bytes)))
        parts.append(name)
      }
    }
    for file in change?.newFiles ?? [] {
      let name = directory.appending(file.name)
      guard !tree.files.contains(name) else {
        throw CheckpointError(
          .alreadyExists, "is a file of the model already", path: tree.path(of: name))
      }
      files.append(File(name: name, contents: .bytes(file.bytes)))
    }
    return parts
  }
}
