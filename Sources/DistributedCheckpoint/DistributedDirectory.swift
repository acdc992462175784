// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// A directory whose files are one checkpoint that several processes saved: of
/// torch.distributed.checkpoint or of DeepSpeed (spec/distributed.md).
public enum DistributedDirectory {
  /// Opens the checkpoint in a directory; no tensor data is read.
  ///
  /// - Returns: nil when the directory has no such checkpoint.
  /// - Throws: `missing`, `truncated`, `malformed` or `mismatch` when its files do not have all that
  ///   it takes to put the tensors together; `unsupported` when they are divided in a way that is not
  ///   known.
  /// - Complexity: O(what the files say about the tensors).
  public static func open(existing path: String) throws(CheckpointError) -> AssembledArchive? {
    if let file = try InputFile(existing: join(path, StateDictReader.metadataName)) {
      do throws(CheckpointError) {
        return try StateDictReader.archive(file, path: path)
      } catch {
        // Other programs have files of this name too.
        guard error.code == .unrecognized || file.byteCount == 0 else { throw error }
        let names = try DirectoryTree.files(in: path)
        guard !names.contains(where: isPart) else { throw error }
      }
    }
    let names = try DirectoryTree.files(in: path)
    if let name = names.first(where: isOwnMetadata) {
      throw CheckpointError(
        .unsupported,
        "was saved by each process for itself: \(name.printable) does not name the shards of the "
          + "others", path: path,
        hint: "load it with torch in as many processes, and save it with rank coordination")
    }
    let shards = names.filter(SliceNames.isShardName)
    if !shards.isEmpty { return try SlicedDirectory.archive(in: path, named: shards) }
    if let directory = try ZeroDirectory(path, files: names) {
      return try ZeroReader.archive(directory, path: path)
    }
    return nil
  }

  /// Whether a directory has files with the names of such a checkpoint.
  public static func exists(at path: String) -> Bool {
    if PathKind.existing(join(path, StateDictReader.metadataName)) == .file { return true }
    guard let names = try? DirectoryTree.files(in: path) else { return false }
    return names.contains { isOwnMetadata($0) || SliceNames.isShardName($0) }
      || ZeroDirectory.isCheckpoint(path, files: names)
  }

  /// The files of such a checkpoint among the files of a directory, by their names alone; none when
  /// there is no such checkpoint.
  ///
  /// - Parameter names: the names of all files.
  /// - Returns: the indices of its files.
  public static func files(among names: [String]) -> [Int] {
    func indices(_ isPart: (String) -> Bool) -> [Int] {
      names.indices.filter { isPart(names[$0]) }
    }
    let shards = indices(isPart)
    if !shards.isEmpty, names.contains(where: isMetadata) {
      return (shards + indices(isMetadata)).sorted()
    }
    let slices = indices(SliceNames.isShardName)
    return slices.isEmpty ? ZeroDirectory.files(among: names) : slices
  }

  /// Opens the checkpoint that the file with its metadata names.
  ///
  /// - Returns: nil for a file of another name.
  /// - Throws: as `open(existing:)`, and `unrecognized` for other contents.
  public static func open(_ file: InputFile) throws(CheckpointError) -> AssembledArchive? {
    guard
      UTF8Text(StateDictReader.fileName(of: file.path)) == UTF8Text(StateDictReader.metadataName)
    else {
      return nil
    }
    return try StateDictReader.archive(file, path: file.path)
  }

  /// The error for a file that has shards of a checkpoint of torch.distributed.checkpoint, which only
  /// its `.metadata` names: by its name, or by the metadata next to it; nil for any other file.
  public static func refusal(of path: String) -> CheckpointError? {
    let name = StateDictReader.fileName(of: path)
    guard isPart(name) else { return nil }
    let isAlone =
      PathKind.existing(path.dropLast(name.count) + StateDictReader.metadataName) == nil
    guard !isAlone || name.hasPrefix("__") else { return nil }
    return CheckpointError(
      .unsupported,
      "has shards of a checkpoint of torch.distributed.checkpoint, which \(StateDictReader.metadataName) "
        + "in the same directory names", path: path,
      hint: "name the directory: the shards in it are put together")
  }

  /// Whether a path is that of a file of shards, such as `__0_0.distcp`.
  public static func isPart(_ path: String) -> Bool {
    path.utf8.reversed().starts(with: ".distcp".utf8.reversed())
  }

  /// Whether a path is that of metadata: `.metadata`, or those of one process.
  public static func isMetadata(_ path: String) -> Bool {
    let name = StateDictReader.fileName(of: path)
    return UTF8Text(name) == UTF8Text(StateDictReader.metadataName) || isOwnMetadata(name)
  }

  /// Whether a name is that of the metadata of one process, such as `__0.metadata`.
  private static func isOwnMetadata(_ name: String) -> Bool {
    name.hasPrefix("__") && name.hasSuffix(StateDictReader.metadataName)
      && Int(name.dropFirst(2).dropLast(StateDictReader.metadataName.count)) != nil
  }

  private static func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }
}
