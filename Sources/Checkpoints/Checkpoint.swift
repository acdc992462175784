public import Files
internal import SafeTensors
public import Tensors
internal import TorchCheckpoint

/// Opens checkpoint files of any supported format.
public enum Checkpoint {
  /// Opens a file; its contents decide the format, not its name. JSON whose name ends in
  /// `.index.json` is an index of shards, which are opened as one archive.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when the file cannot be read; `unrecognized`
  ///   or `unsupported` when it is something else, with a hint where one helps; `truncated` or
  ///   `malformed` when it is damaged.
  /// - Complexity: O(header); no tensor data is read.
  public static func open(path: String) throws(CheckpointError) -> any TensorArchive {
    let file = try InputFile(path: path)
    if path.hasSuffix(ShardIndex.nameSuffix), try signature(of: file) == .other(.json) {
      return try ShardedArchive(file)
    }
    return try openFile(file)
  }

  /// Opens a file that is a checkpoint by itself, as shards are.
  static func openFile(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    let path = file.path
    switch try signature(of: file) {
    case .safetensors:
      return try SafeTensorsFile(file)
    case .torch:
      return try TorchFile(file)
    case .numPy:
      throw CheckpointError(
        .unsupported, "is a NumPy file, which this version does not read", path: path)
    case .other(let impostor):
      throw CheckpointError(
        .unrecognized, "is \(impostor.name), not a checkpoint", path: path, hint: impostor.hint)
    case nil:
      // A damaged file keeps its name: then the format's own reader says what is wrong with it.
      if path.hasSuffix(".safetensors") { return try SafeTensorsFile(file) }
      let torchSuffixes = [".bin", ".pt", ".pth", ".ckpt"]
      if torchSuffixes.contains(where: path.hasSuffix) { return try TorchFile(file) }
      throw CheckpointError(
        .unrecognized, "is of no format that is known here", path: path)
    }
  }
  private static func signature(of file: InputFile) throws(CheckpointError) -> FileSignature? {
    let prefix = try file.read(at: 0, count: min(FileSignature.prefixByteCount, file.byteCount))
    return FileSignature(prefix: prefix, fileByteCount: file.byteCount)
  }
}
