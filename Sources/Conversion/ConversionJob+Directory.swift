internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

extension ConversionJob {
  func convertDirectory() throws(CheckpointError) -> ConversionReport {
    try refuseNesting()
    let adapter = try Adapter(path: source)
    let plan = try ConversionPlan(adapter.weights, options: options)
    let tree = try DirectoryTree(of: source)
    if let other = tree.others.first {
      throw CheckpointError(
        .unsupported, "can be neither converted nor copied: it is no file and no directory",
        path: source + "/" + other.string)
    }
    var output = try AtomicDirectory(path: destination, policy: options.policy)
    for directory in tree.directories { try output.makeDirectory(directory) }
    for file in tree.files where !file.isTopLevel || !isAdapterFile(file.name) {
      try copy(file, to: output)
    }
    try writeConfig(adapter.config, to: output)
    try writeWeights(plan.archive, to: output)
    try output.commit()
    return plan.report
  }

  /// A destination in the source would be copied into itself; a source in the destination would go
  /// with what is replaced.
  private func refuseNesting() throws(CheckpointError) {
    if PathRelation.isInside(destination, source) {
      throw CheckpointError(
        .invalidArgument, "lies in \(source), the directory that is converted", path: destination)
    }
    if PathRelation.isInside(source, destination) {
      throw CheckpointError(
        .invalidArgument, "holds \(source), the directory that is converted", path: destination)
    }
  }

  private func isAdapterFile(_ name: String) -> Bool {
    name == AdapterConfig.fileName || AdapterDirectory.weightsNames.contains(name)
  }

  private func copy(
    _ file: RelativePath, to output: borrowing AtomicDirectory
  ) throws(CheckpointError) {
    let input = try InputFile(file, in: source)
    var copy = try output.makeFile(file)
    try copy.copy(from: input, range: 0..<input.byteCount)
    try copy.commit()
  }

  private func writeConfig(
    _ config: AdapterConfig, to output: borrowing AtomicDirectory
  ) throws(CheckpointError) {
    var file = try output.makeFile(RelativePath(AdapterConfig.fileName))
    try file.write(config.encoded().span.rawBytes)
    try file.commit()
  }

  private func writeWeights(
    _ weights: any TensorArchive, to output: borrowing AtomicDirectory
  ) throws(CheckpointError) {
    let name = options.format.adapterWeightsName
    var file = try output.makeFile(RelativePath(name))
    try write(weights, to: &file, named: name)
    try file.commit()
  }
}
