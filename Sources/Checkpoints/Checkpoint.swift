public import Archives
public import Files
internal import NumPyArchive
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
    try open(InputFile(path: path))
  }

  /// Opens a checkpoint in a file that is open already.
  ///
  /// - Throws: as `open(path:)`.
  /// - Complexity: O(header); no tensor data is read.
  public static func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    if file.path.hasSuffix(ShardIndex.nameSuffix), isJSON(try prefix(of: file), of: file) {
      return try ShardedArchive(file)
    }
    return try openFile(file)
  }

  /// Opens a file that is a checkpoint by itself, as shards are.
  static func openFile(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    let path = file.path
    let prefix = try prefix(of: file)
    switch FileSignature(prefix: prefix, fileByteCount: file.byteCount) {
    case .safetensors:
      return try SafeTensorsFile(file)
    case .torch:
      return try TorchFile(file)
    case .zip:
      return try isNpz(file) ? NpzFile(file) : TorchFile(file)
    case .npy:
      return try NpyFile(file)
    case .other(let impostor):
      throw CheckpointError(
        .unrecognized, "is \(impostor.name), not a checkpoint", path: path, hint: impostor.hint)
    case nil:
      // A damaged file keeps its name: then the format's own reader says what is wrong with it.
      if path.hasSuffix(".safetensors") { return try SafeTensorsFile(file) }
      if path.hasSuffix(".npy") { return try NpyFile(file) }
      // An archive of no arrays is nothing but its end record.
      if path.hasSuffix(".npz") { return try NpzFile(file) }
      let torchSuffixes = [".bin", ".pt", ".pth", ".ckpt"]
      if torchSuffixes.contains(where: path.hasSuffix) { return try TorchFile(file) }
      throw CheckpointError(
        .unrecognized, "is of no format that is known here", path: path)
    }
  }

  private static func prefix(of file: InputFile) throws(CheckpointError) -> [UInt8] {
    try file.read(at: 0, count: min(FileSignature.prefixByteCount, file.byteCount))
  }

  private static func isJSON(_ prefix: [UInt8], of file: InputFile) -> Bool {
    FileSignature(prefix: prefix, fileByteCount: file.byteCount) == .other(.json)
  }

  /// Whether a zip archive is NumPy's. A damaged one keeps its name, as above.
  private static func isNpz(_ file: InputFile) throws(CheckpointError) -> Bool {
    do throws(CheckpointError) {
      return try NpzFile.recognizes(file)
    } catch {
      // What could not be read says nothing of the format.
      guard error.code != .system else { throw error }
      return file.path.hasSuffix(".npz")
    }
  }
}
