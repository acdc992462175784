// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

extension CheckpointFormats {
  /// Opens a file that is a checkpoint by itself, as a shard is; its contents decide the format.
  ///
  /// - Throws: as `Checkpoint.open(path:)`.
  static func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    let prefix = try prefix(of: file)
    if let format = try format(of: file, prefix: prefix) {
      return try format.open(file)
    }
    if let impostor = Impostor(prefix) {
      throw CheckpointError(
        .unrecognized, "is \(impostor.name), not a checkpoint", path: file.path,
        hint: impostor.hint)
    }
    // The name of a damaged file still tells its format, whose reader reports the damage.
    guard let format = format(ofFileName: file.path) else {
      throw CheckpointError(.unrecognized, "unrecognized file format", path: file.path)
    }
    return try format.open(file)
  }
}
