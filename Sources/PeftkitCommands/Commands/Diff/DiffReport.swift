internal import Conversion
internal import JSONDocument
internal import Tensors

/// What `diff` found, for printing.
struct DiffReport: Report {
  let a: ComparedCheckpoint
  let b: ComparedCheckpoint
  /// The keys of two adapters' configs; nil unless both have one.
  let config: [KeyChange<JSONValue>]?
  let tensors: CheckpointComparison

  init(_ a: ComparedCheckpoint, _ b: ComparedCheckpoint) throws(CheckpointError) {
    self.a = a
    self.b = b
    if let left = a.config, let right = b.config {
      config = KeyChange.changes(from: left, to: right)
    } else {
      config = nil
    }
    tensors = try CheckpointComparison(a.archive, b.archive)
  }

  /// Whether all that counts is the same (spec/command-line.md, L28).
  var isSame: Bool { tensors.isSame && config?.isEmpty ?? true }
}
