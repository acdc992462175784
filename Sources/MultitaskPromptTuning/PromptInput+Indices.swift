// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
public import PEFT
public import Tensors

extension PromptInput {
  /// Reads the indices from a file: its I64 tensor `indices`, [B, L].
  ///
  /// - Throws: `missing` or `mismatch` when the file has no such tensor, `invalidArgument` for ids
  ///   that do not fit, and what opening the file throws.
  /// - Complexity: O(B · L).
  public init(
    taskIDs: [Int], indicesFile path: String, for dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) {
    let archive = try Checkpoint.open(path: path)
    guard let index = archive.index(of: "indices") else {
      throw CheckpointError(.missing, "has no tensor \"indices\"", path: path)
    }
    let shape = archive.tensor(at: index).shape
    guard shape.rank == 2, let batchCount = Int(exactly: shape.dimensions[0]),
      let sequenceLength = Int(exactly: shape.dimensions[1])
    else {
      throw CheckpointError(
        .mismatch, "must be [B, L], but has the shape \(shape)", path: path, tensor: "indices")
    }
    try self.init(
      taskIDs: taskIDs, indices: archive.integers(at: index, shape: shape),
      batchCount: batchCount, sequenceLength: sequenceLength, for: dimensions)
  }
}
