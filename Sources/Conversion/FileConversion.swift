internal import Checkpoints
public import Files
internal import SafeTensors
public import Tensors

/// One checkpoint file in, one out.
public struct FileConversion: Sendable {
  /// The file that is read.
  public let source: String
  /// The file that is written.
  public let destination: String
  /// The format that is written.
  public let format: CheckpointFormat
  /// Whether an existing file is replaced, and whether the output is flushed.
  public let policy: OutputPolicy

  /// Describes a conversion.
  public init(
    source: String, destination: String, format: CheckpointFormat, policy: OutputPolicy
  ) {
    self.source = source
    self.destination = destination
    self.format = format
    self.policy = policy
  }

  /// Converts. The destination appears whole or not at all; it may be the source.
  ///
  /// - Throws: what opening the source throws; `alreadyExists`, `system` and the like for the
  ///   destination.
  /// - Complexity: O(bytes), in constant memory beyond the header.
  public func run() throws(CheckpointError) {
    let archive = try Checkpoint.open(path: source)
    var output = try AtomicFile(path: destination, policy: policy)
    try Self.write(archive, as: format, to: &output)
    try output.commit()
  }

  /// Writes an archive in a format.
  static func write(
    _ archive: any TensorArchive, as format: CheckpointFormat, to output: inout AtomicFile
  ) throws(CheckpointError) {
    switch format {
    case .safetensors:
      do throws(CheckpointError) {
        try SafeTensorsWriter.write(archive, metadata: archive.metadata, to: &output)
      } catch {
        throw error.inFile(archive.path)
      }
    case .torch:
      throw CheckpointError(.unsupported, "this version does not write torch checkpoints")
    }
  }
}
