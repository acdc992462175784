// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ContentDigest
internal import Files
internal import Tensors

/// The digests of an archive: of each tensor, in the file's order, and of all.
struct ArchiveDigests {
  let tensors: [TensorDigest]
  let checkpoint: CheckpointDigest

  init(of archive: any TensorArchive) throws(CheckpointError) {
    let tensors = try ProgressLine.showing(ProgressLine.reading(of: archive.tensorByteCount)) {
      () throws(CheckpointError) in
      var tensors: [TensorDigest] = []
      for index in 0..<archive.tensorCount {
        tensors.append(try TensorDigest(of: archive, at: index))
      }
      return tensors
    }
    self.tensors = tensors
    checkpoint = CheckpointDigest(
      zip(archive.tensors, tensors).map { (name: $0.name, digest: $1) })
  }
}
