// SPDX-License-Identifier: Apache-2.0
internal import Conversion
internal import JSONDocument
internal import PEFT
internal import Tensors

/// The differences between two checkpoints.
struct DiffReport: Report {
  /// One side of the comparison.
  struct Side {
    let path: String
    let checkpoint: OpenedCheckpoint

    init(path: String, reading: ReadingOptions) throws(CheckpointError) {
      self.path = path
      checkpoint = try OpenedCheckpoint(path: path)
      try reading.check(checkpoint.archive)
    }

    /// The config; nil unless the side is an adapter.
    var config: AdapterConfig? { checkpoint.adapter?.config }
  }

  let a: Side
  let b: Side
  private let comparison: OpenedComparison

  init(_ a: Side, _ b: Side) throws(CheckpointError) {
    self.a = a
    self.b = b
    let total = a.checkpoint.archive.tensorByteCount + b.checkpoint.archive.tensorByteCount
    comparison = try ProgressLine.showing(ProgressLine.reading(of: total)) {
      () throws(CheckpointError) in try OpenedComparison(a.checkpoint, b.checkpoint)
    }
  }

  var config: [KeyChange<JSONValue>]? { comparison.config }
  var reordered: [PatternOrderChange] { comparison.reordered }
  var tensors: CheckpointComparison { comparison.tensors }

  /// Whether nothing that counts differs (spec/command-line.md, L28).
  var isSame: Bool { comparison.isSame }
}
