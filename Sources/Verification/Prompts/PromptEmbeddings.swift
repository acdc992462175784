// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import PEFT
internal import Tensors

/// The tensor `prompt_embeddings` of an adapter.
struct PromptEmbeddings: Sendable {
  /// The number of rows; at least 1.
  let rowCount: Int
  /// The number of columns; at least 1.
  let width: Int

  private let adapter: Adapter
  private let index: Int
  private let format: FloatFormat

  private static let name: TensorName = "prompt_embeddings"

  init(_ adapter: Adapter) throws(CheckpointError) {
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
    (self.adapter, self.index, self.format) = (adapter, index, format)
    (self.rowCount, self.width) = (rowCount, width)
  }

  /// Compares a result with runs of the prompt.
  ///
  /// - Parameter run: the row and the columns that a run of the result must equal; nil after the
  ///   last run. The runs fill the result in its order.
  func compare(
    _ reference: ReferenceFile.Case, of file: ReferenceFile, rule: VerificationRule,
    _ run: (Int) -> (row: Int, columns: Range<Int>)?
  ) throws(CheckpointError) -> CaseVerdict {
    try file.archive.withTensor(at: reference.resultIndex) { view throws(CheckpointError) in
      var comparison = try ReferenceComparison(reference, rule: rule)
      let size = try FloatFormat(ofResult: reference.result).byteCount
      try adapter.weights.withTensor(at: index) { prompt throws(CheckpointError) in
        var (number, place) = (0, 0)
        while let (row, columns) = run(number) {
          let start = (row * width + columns.lowerBound) * format.byteCount
          let values = prompt.bytes.extracting(start..<start + columns.count * format.byteCount)
          let end = place + columns.count * size
          comparison.add(view.bytes.extracting(place..<end), equalTo: values, from: format)
          (number, place) = (number + 1, end)
        }
      }
      return CaseVerdict(reference, comparison)
    }
  }
}
