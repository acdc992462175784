// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import PEFT
internal import Tensors

/// The tensor `prompt_embeddings` of an adapter.
struct PromptEmbeddings: Sendable {
  private let adapter: Adapter
  private let stored: StoredPrompt

  init(_ adapter: Adapter) throws(CheckpointError) {
    self.adapter = adapter
    stored = try StoredPrompt(of: adapter)
  }

  /// The number of rows; at least 1.
  var rowCount: Int { stored.rowCount }
  /// The number of columns; at least 1.
  var width: Int { stored.width }

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
      try adapter.weights.withTensor(at: stored.index) { prompt throws(CheckpointError) in
        let format = stored.format
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
