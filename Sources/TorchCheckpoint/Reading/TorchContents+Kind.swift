// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Files
internal import Tensors
internal import ZipArchive

extension TorchContents {
  /// The kind of a torch file, by its first bytes.
  enum Kind {
    case zip
    case tar
    case pickle

    init?(_ prefix: [UInt8]) {
      if prefix.starts(with: ZipFormat.fileSignature) {
        self = .zip
      } else if TarHeader.isHeader(prefix) {
        self = .tar
      } else if prefix.count >= 2, prefix[0] == 0x80, prefix[1] >= 2, prefix[1] <= 5 {
        self = .pickle
      } else if LegacyMagic.textForms.contains(where: { prefix.starts(with: $0) }) {
        self = .pickle
      } else {
        return nil
      }
    }
  }

  /// Reads a torch file of any kind; its first bytes decide which.
  ///
  /// - Throws: as `TorchFile.init(path:)`.
  init(
    _ file: InputFile, _ memory: PickleMemory, _ limits: PickleLimits
  ) throws(CheckpointError) {
    let prefix = try file.read(at: 0, count: min(512, file.byteCount))
    switch Kind(prefix) {
    case .zip: try self.init(zip: file, memory, limits)
    case .tar: try self.init(tar: file, limits)
    case .pickle: try self.init(legacy: file, limits)
    case nil:
      if let end = try? ZipEnd(of: file) {
        guard end.entryCount > 0 else {
          throw CheckpointError(.unrecognized, "is an empty zip archive", offset: 0)
        }
        throw .malformed(
          "unexpected bytes precede a zip archive, whose index starts at byte "
            + "\(end.index.lowerBound)", at: 0)
      }
      throw CheckpointError(.unrecognized, "is not a torch checkpoint", offset: 0)
    }
  }
}
