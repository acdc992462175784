// SPDX-License-Identifier: Apache-2.0
internal import Archives
package import Kernels
package import Tensors

/// The tensor `prompt_embeddings` of an adapter: rows that PEFT puts in front of the input.
package struct StoredPrompt: Sendable {
  /// The name of the tensor.
  package static let name: TensorName = "prompt_embeddings"

  /// The place of the tensor in the weights.
  package let index: Int
  /// The number of rows; at least 1.
  package let rowCount: Int
  /// The number of columns; at least 1.
  package let width: Int
  /// The element type.
  package let format: FloatFormat

  /// Finds the tensor; its data is not read.
  ///
  /// - Throws: `missing` for an adapter without it, `mismatch` for one that is not rows of
  ///   floating-point elements.
  package init(of adapter: Adapter) throws(CheckpointError) {
    let weights = adapter.weights
    guard let index = weights.index(of: Self.name) else {
      throw CheckpointError(
        .missing, "has no tensor \"\(Self.name)\"", path: weights.path,
        remedy: .validate(adapter.directory.path))
    }
    let info = weights.tensor(at: index)
    guard info.shape.rank == 2, let format = FloatFormat(info.dtype), info.elementCount > 0,
      let rowCount = Int(exactly: info.shape.dimensions[0]),
      let width = Int(exactly: info.shape.dimensions[1])
    else {
      throw CheckpointError(
        .mismatch, "is \(info.dtype) \(info.shape), not a prompt of floating-point rows",
        path: weights.path, tensor: info.name, remedy: .validate(adapter.directory.path))
    }
    (self.index, self.format, self.rowCount, self.width) = (index, format, rowCount, width)
  }
}
