// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors
internal import TorchCheckpoint

/// A file that no format opens. What it is instead is looked for only now.
struct Unreadable {
  private let file: InputFile
  /// Whether the contents are those of a format, such as a pickle or a zip archive.
  private let isRecognized: Bool

  init(_ file: InputFile, recognized: Bool) {
    self.file = file
    isRecognized = recognized
  }

  /// The largest part of a pickle, in bytes, that is read for its names.
  private static let pickleByteCount = 1 << 16

  /// The error with which opening failed, or a better one that says what the file is.
  func explaining(_ error: CheckpointError) -> CheckpointError {
    guard error.code != .system, let ends = try? FileEnds(of: file) else { return error }
    if let damage = ends.textDamage {
      return CheckpointError(
        .malformed, "is damaged: \(damage.description)", path: file.path,
        hint: "copy or download it again, as a binary file")
    }
    if let impostor = impostor(ends) { return self.error(impostor, "not a checkpoint") }
    if let pickle = pickle(ends) {
      return self.error(pickle, "not a checkpoint; nothing was executed")
    }
    if !isRecognized, let neighbor = Impostor.described(file.path) {
      return self.error(neighbor, "not a checkpoint")
    }
    guard let download = UnfinishedDownload(named: file.path) else { return error }
    let reason = error.code == .unrecognized ? "" : ": \(error.message)"
    return CheckpointError(
      error.code, "is an unfinished download\(reason)", path: file.path, tensor: error.tensor,
      offset: error.offset, hint: download.hint)
  }

  private func impostor(_ ends: FileEnds) -> Impostor? {
    if !isRecognized, let impostor = UnfinishedDownload.list(named: file.path) ?? Impostor(ends) {
      return impostor
    }
    return Impostor.archive(file, ends)
  }

  private func error(_ impostor: Impostor, _ rest: String) -> CheckpointError {
    CheckpointError(
      .unrecognized, "is \(impostor.name), \(rest)", path: file.path, hint: impostor.hint)
  }

  private func pickle(_ ends: FileEnds) -> Impostor? {
    guard !LegacyMagic.starts(ends.head.span.rawBytes),
      let head = try? file.read(at: 0, count: min(Self.pickleByteCount, file.byteCount)),
      let impostor = Impostor.pickle(head, fileName: file.path)
    else { return nil }
    return impostor
  }
}
