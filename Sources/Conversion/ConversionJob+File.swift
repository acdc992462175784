internal import Checkpoints
internal import Files
internal import SafeTensors
internal import Tensors

extension ConversionJob {
  func convertFile() throws(CheckpointError) {
    let archive = try Checkpoint.open(path: source)
    var output = try AtomicFile(path: destination, policy: options.policy)
    try write(archive, to: &output)
    try output.commit()
  }

  /// Writes an archive in the format that was asked for.
  func write(
    _ archive: any TensorArchive, to output: inout AtomicFile
  ) throws(CheckpointError) {
    do throws(CheckpointError) {
      switch options.format {
      case .safetensors:
        try SafeTensorsWriter.write(archive, metadata: archive.metadata, to: &output)
      case .torch:
        throw CheckpointError(.unsupported, "this version does not write torch checkpoints")
      }
    } catch {
      throw error.inFile(archive.path)
    }
  }
}
