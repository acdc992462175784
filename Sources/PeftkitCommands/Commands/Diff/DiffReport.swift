internal import Conversion
internal import JSONDocument
internal import PEFT
internal import Tensors

/// What `diff` found, for printing.
struct DiffReport: Report {
  let a: ComparedCheckpoint
  let b: ComparedCheckpoint
  /// The keys of two adapters' configs; nil unless both have one.
  let config: [KeyChange<JSONValue>]?
  /// The pattern objects of two adapters' configs that differ in the order of their keys, where that
  /// changes a module's value.
  let reordered: [PatternOrderChange]
  let tensors: CheckpointComparison

  init(_ a: ComparedCheckpoint, _ b: ComparedCheckpoint) throws(CheckpointError) {
    self.a = a
    self.b = b
    if let left = a.config, let right = b.config {
      config = KeyChange.changes(from: left, to: right)
      let configs = (left: AdapterConfig(document: left), right: AdapterConfig(document: right))
      reordered = PatternOrderChange.changes(
        from: configs.left, to: configs.right,
        modules: configs.left.adaptedModules(in: a.archive)
          + configs.right.adaptedModules(in: b.archive))
    } else {
      config = nil
      reordered = []
    }
    tensors = try CheckpointComparison(a.archive, b.archive)
  }

  /// Whether all that counts is the same (spec/command-line.md, L28).
  var isSame: Bool { tensors.isSame && config?.isEmpty ?? true && reordered.isEmpty }
}
