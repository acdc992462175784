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
  /// The keys of two adapters' configs; nil unless both have one.
  let config: [KeyChange<JSONValue>]?
  /// The pattern objects of two adapters' configs that differ in the order of their keys, where that
  /// changes a module's value.
  let reordered: [PatternOrderChange]
  let tensors: CheckpointComparison

  init(_ a: Side, _ b: Side) throws(CheckpointError) {
    self.a = a
    self.b = b
    if let left = a.config, let right = b.config {
      config = KeyChange.changes(from: left.document, to: right.document)
      reordered = PatternOrderChange.changes(
        from: left, to: right,
        modules: left.adaptedModules(in: a.checkpoint.archive)
          + right.adaptedModules(in: b.checkpoint.archive))
    } else {
      config = nil
      reordered = []
    }
    let archives = (a.checkpoint.archive, b.checkpoint.archive)
    let total = archives.0.tensorByteCount + archives.1.tensorByteCount
    tensors = try ProgressLine.showing(ProgressLine.reading(of: total)) {
      () throws(CheckpointError) in try CheckpointComparison(archives.0, archives.1)
    }
  }

  /// Whether nothing that counts differs (spec/command-line.md, L28).
  var isSame: Bool { tensors.isSame && config?.isEmpty ?? true && reordered.isEmpty }
}
