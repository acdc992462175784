// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

/// A box of a tensor, and the tensor of another archive that has its elements.
struct TensorTile: Sendable {
  /// The place in the whole tensor.
  let box: TensorBox
  /// The tensor with the elements.
  let piece: any TensorPiece
  /// The first element in the piece; nil where the box is all of the piece.
  var origin: [Int]?
}

/// A tensor that is a piece of another one, or contains a piece.
protocol TensorPiece: Sendable {
  /// The tensor, open for reading.
  ///
  /// - Throws: what opening its file throws, and `mismatch` when it is another tensor.
  func open() throws(CheckpointError) -> OpenPiece
  /// Says in which file and at which byte of it an error is.
  func placing(_ error: CheckpointError) -> CheckpointError
}

/// A piece of a tensor that is open.
struct OpenPiece: Sendable {
  let archive: any ElementArchive
  let index: Int
}

/// A piece that is a tensor of an open archive.
struct ArchivePiece: TensorPiece {
  let archive: any ElementArchive
  let index: Int

  func open() -> OpenPiece { OpenPiece(archive: archive, index: index) }

  func placing(_ error: CheckpointError) -> CheckpointError { error.inFile(archive.path) }
}
