// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import TorchCheckpoint

/// A tensor that `torch.save` wrote into a part of a file.
struct SavedPiece: TensorPiece {
  let file: InputFile
  let range: Range<Int>
  let dtype: DType
  let shape: Shape

  func open() throws(CheckpointError) -> OpenPiece {
    let archive = try TorchFile(InputFile(file, section: range))
    // Tensors need no code, and torch refuses any here too.
    try archive.requireDataOnly()
    guard archive.isSingleTensor, archive.tensorCount == 1 else {
      throw CheckpointError(
        .mismatch, "does not have one tensor in the place of a shard", offset: 0)
    }
    let info = archive.tensor(at: 0)
    guard info.dtype == dtype, info.shape == shape else {
      throw CheckpointError(
        .mismatch,
        "has \(info.dtype) \(info.shape) in the place of a shard \(dtype) \(shape)", offset: 0)
    }
    return OpenPiece(archive: archive, index: 0)
  }

  func placing(_ error: CheckpointError) -> CheckpointError {
    error.fromSection(at: range.lowerBound, of: file)
  }
}

/// A tensor inside a value that `torch.save` wrote into a part of a file.
struct ValuePiece: TensorPiece {
  let archive: TorchFile
  let index: Int
  /// The offset of the part in the file.
  let start: Int

  func open() -> OpenPiece { OpenPiece(archive: archive, index: index) }

  func placing(_ error: CheckpointError) -> CheckpointError {
    error.fromSection(at: start, of: archive.files[0])
  }
}

extension CheckpointError {
  /// The same error with its byte counted from the start of the file, and without the name that the
  /// tensor has in its section; an error about another file is not changed.
  func fromSection(at start: Int, of file: InputFile) -> CheckpointError {
    guard path == nil || path == file.path else { return self }
    return CheckpointError(
      code, message, path: file.path, offset: offset.map { $0 &+ start }, hint: hint, remedy: remedy
    )
  }
}
