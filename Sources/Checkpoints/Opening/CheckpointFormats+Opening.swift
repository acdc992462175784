// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

extension CheckpointFormats {
  /// Opens a file that is a checkpoint by itself, as a shard is; its contents decide the format.
  ///
  /// - Throws: as `Checkpoint.open(path:)`.
  static func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    try open(file) { PathKind.existing(file.path + $0) == .file }
  }

  /// Opens a file as `open(_:)` does.
  ///
  /// - Parameter hasFile: whether there is a file whose path is that of `file` and a suffix.
  /// - Throws: as `Checkpoint.open(path:)`.
  static func open(
    _ file: InputFile, hasFile: (_ suffix: String) -> Bool
  ) throws(CheckpointError) -> any TensorArchive {
    let recognized = try format(of: file)
    if let download = UnfinishedDownload(listedBesides: file.path, hasFile) {
      throw CheckpointError(
        .truncated, "is an unfinished download", path: file.path, hint: download.hint)
    }
    do throws(CheckpointError) {
      // The name of a damaged file still tells its format, whose reader reports the damage.
      guard let format = recognized ?? format(ofFileName: file.path) else {
        throw CheckpointError(.unrecognized, "unrecognized file format", path: file.path)
      }
      return try format.open(file)
    } catch {
      throw Unreadable(file, recognized: recognized != nil).explaining(error)
    }
  }
}
