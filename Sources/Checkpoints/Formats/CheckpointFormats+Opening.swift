// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

extension CheckpointFormats {
  /// Opens a file that is a checkpoint by itself, as a shard is; its contents decide the format.
  ///
  /// - Throws: as `Checkpoint.open(path:)`.
  static func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    let prefix = try prefix(of: file)
    if let format = try format(of: file, prefix: prefix) {
      do throws(CheckpointError) {
        return try format.open(file)
      } catch {
        guard error.code != .system, let archive = Impostor(archive: file, prefix) else {
          throw error
        }
        throw archive.refusal(path: file.path)
      }
    }
    if let impostor = Impostor(prefix) { throw impostor.refusal(path: file.path) }
    // The name of a damaged file still tells its format, whose reader reports the damage.
    guard let format = format(ofFileName: file.path) else {
      throw CheckpointError(.unrecognized, "unrecognized file format", path: file.path)
    }
    return try format.open(file)
  }
}

extension Impostor {
  /// Recognizes a zip archive of files, one of which is a checkpoint by its name: an adapter packed for
  /// sharing, and not what torch or NumPy writes.
  ///
  /// - Complexity: O(entries).
  fileprivate init?(archive file: InputFile, _ prefix: [UInt8]) {
    guard prefix.starts(with: ZipFormat.fileSignature), let zip = try? ZipIndex(of: file),
      !zip.entries.contains(where: { $0.name.lowercased().hasSuffix("/data.pkl") })
    else { return nil }
    let checkpoint = zip.entries.first { entry in
      // macOS adds a file of metadata for each file.
      !entry.name.hasPrefix("__MACOSX/") && CheckpointFormats.format(ofFileName: entry.name) != nil
    }
    guard let checkpoint else { return nil }
    self.init(
      "a zip archive that contains \(checkpoint.name.excerpt)", hint: Self.unpackFirst)
  }

  fileprivate func refusal(path: String) -> CheckpointError {
    CheckpointError(.unrecognized, "is \(name), not a checkpoint", path: path, hint: hint)
  }
}
