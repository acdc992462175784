internal import Checkpoints
internal import Files
internal import SafeTensors
internal import Tensors
internal import TorchCheckpoint

extension ConversionJob {
  func convertFile() throws(CheckpointError) -> ConversionReport {
    let plan = try ConversionPlan(Checkpoint.open(path: source), options: options)
    var output = try AtomicFile(path: destination, policy: options.policy)
    try write(plan.archive, to: &output, named: destination)
    try output.commit()
    return plan.report
  }

  /// Writes an archive in the format that was asked for.
  ///
  /// - Parameter name: the path that torch would have been given, after which it names a folder.
  func write(
    _ archive: any TensorArchive, to output: inout AtomicFile, named name: String
  ) throws(CheckpointError) {
    do throws(CheckpointError) {
      switch options.format {
      case .safetensors:
        try SafeTensorsWriter.write(archive, metadata: archive.metadata, to: &output)
      case .torch:
        try TorchWriter.write(archive, path: name, layout: options.torchLayout, to: &output)
      }
    } catch {
      throw error.inFile(archive.path)
    }
  }
}
