// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import DistributedCheckpoint
public import Files
public import Tensors

/// Opens checkpoints of any supported format.
public enum Checkpoint {
  /// Opens a file, or the directory of a distributed checkpoint. The contents of a file decide its
  /// format; JSON whose name ends in `.index.json` is an index of shards, which are opened as one
  /// archive, and so are the shards that a `.metadata` file names.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when it cannot be read;
  ///   `unrecognized` or `unsupported` when it is something else, with a hint where one helps;
  ///   `truncated` or `malformed` when it is damaged.
  /// - Complexity: O(header); no tensor data is read.
  public static func open(path: String) throws(CheckpointError) -> any TensorArchive {
    let (archive, _) = try openWithIndex(path: path)
    return archive
  }

  /// Opens a checkpoint in a file that is open already.
  ///
  /// - Throws: as `open(path:)`.
  /// - Complexity: O(header); no tensor data is read.
  public static func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    let (archive, _) = try openWithIndex(file)
    return archive
  }

  /// Opens a checkpoint in a file whose directory has been listed.
  ///
  /// - Parameter hasFile: whether the directory has a file with the name of this one and a suffix.
  /// - Throws: as `open(path:)`.
  /// - Complexity: O(header); no tensor data is read.
  package static func open(
    _ file: InputFile, hasFile: (_ suffix: String) -> Bool
  ) throws(CheckpointError) -> any TensorArchive {
    let (archive, _) = try openWithIndex(file, replacesStaleIndex: false, hasFile: hasFile)
    return archive
  }

  /// Opens a checkpoint, and returns the index when the path leads to one.
  ///
  /// - Parameters:
  ///   - path: a checkpoint file, an index of shards or a model directory.
  ///   - replacesStaleIndex: as that of `ShardedArchive`.
  /// - Throws: as `open(path:)`.
  /// - Complexity: O(header); no tensor data is read.
  public static func openWithIndex(
    path: String, replacesStaleIndex: Bool = false
  ) throws(CheckpointError) -> (archive: any TensorArchive, index: ShardIndex?) {
    if let file = try InputFile(unlessDirectory: path) {
      return try openWithIndex(file, replacesStaleIndex: replacesStaleIndex)
    }
    guard let archive = try DistributedDirectory.open(existing: path) else {
      throw CheckpointError(.invalidArgument, "is a directory", path: path)
    }
    return (archive, nil)
  }

  /// Opens a checkpoint in a file, and returns the index when the file is one.
  ///
  /// - Parameters:
  ///   - file: a checkpoint file or an index of shards.
  ///   - replacesStaleIndex: as that of `ShardedArchive`.
  /// - Throws: as `open(path:)`.
  /// - Complexity: O(header); no tensor data is read.
  public static func openWithIndex(
    _ file: InputFile, replacesStaleIndex: Bool = false
  ) throws(CheckpointError) -> (archive: any TensorArchive, index: ShardIndex?) {
    try openWithIndex(file, replacesStaleIndex: replacesStaleIndex) {
      PathKind.existing(file.path + $0) == .file
    }
  }

  private static func openWithIndex(
    _ file: InputFile, replacesStaleIndex: Bool, hasFile: (_ suffix: String) -> Bool
  ) throws(CheckpointError) -> (archive: any TensorArchive, index: ShardIndex?) {
    if file.path.hasSuffix(ShardIndex.nameSuffix),
      Impostor(FileEnds(head: try CheckpointFormats.prefix(of: file))) == .json
    {
      let shards = try ShardedArchive(file, replacesStaleIndex: replacesStaleIndex)
      return (shards, shards.index)
    }
    if let archive = try DistributedDirectory.open(file) { return (archive, nil) }
    if let refusal = DistributedDirectory.refusal(of: file.path) { throw refusal }
    return (try CheckpointFormats.open(file, hasFile: hasFile), nil)
  }
}
