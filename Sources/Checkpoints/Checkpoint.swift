// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// Opens checkpoint files of any supported format.
public enum Checkpoint {
  /// Opens a file. Its contents decide the format; JSON whose name ends in `.index.json` is an
  /// index of shards, which are opened as one archive.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when the file cannot be read;
  ///   `unrecognized` or `unsupported` when it is something else, with a hint where one helps;
  ///   `truncated` or `malformed` when it is damaged.
  /// - Complexity: O(header); no tensor data is read.
  public static func open(path: String) throws(CheckpointError) -> any TensorArchive {
    try open(InputFile(path: path))
  }

  /// Opens a checkpoint in a file that is open already.
  ///
  /// - Throws: as `open(path:)`.
  /// - Complexity: O(header); no tensor data is read.
  public static func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    let (archive, _) = try openWithIndex(file)
    return archive
  }

  /// Opens a checkpoint, and returns the index when the file is one.
  ///
  /// - Parameter replacesStaleIndex: as that of `ShardedArchive`.
  /// - Throws: as `open(path:)`.
  /// - Complexity: O(header); no tensor data is read.
  public static func openWithIndex(
    _ file: InputFile, replacesStaleIndex: Bool = false
  ) throws(CheckpointError) -> (archive: any TensorArchive, index: ShardIndex?) {
    if file.path.hasSuffix(ShardIndex.nameSuffix),
      Impostor(FileEnds(head: try CheckpointFormats.prefix(of: file))) == .json
    {
      let shards = try ShardedArchive(file, replacesStaleIndex: replacesStaleIndex)
      return (shards, shards.index)
    }
    return (try CheckpointFormats.open(file), nil)
  }
}
