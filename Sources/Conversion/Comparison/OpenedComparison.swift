// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import JSONDocument
public import PEFT
public import Tensors

/// The differences between two open checkpoints: their configs, if both are adapters, and their
/// tensors (spec/command-line.md, L28).
public struct OpenedComparison: Sendable {
  /// The keys of two adapters' configs; nil unless both have one.
  public let config: [KeyChange<JSONValue>]?
  /// The pattern objects of two adapters' configs that differ in the order of their keys, where that
  /// changes a module's value.
  public let reordered: [PatternOrderChange]
  /// The tensors.
  public let tensors: CheckpointComparison

  /// Compares two checkpoints.
  ///
  /// - Throws: what reading the data of the tensors throws.
  /// - Complexity: as `CheckpointComparison.init(_:_:)`.
  public init(
    _ left: OpenedCheckpoint, _ right: OpenedCheckpoint
  ) throws(CheckpointError) {
    if let first = left.adapter?.config, let second = right.adapter?.config {
      config = KeyChange.changes(from: first.document, to: second.document)
      reordered = PatternOrderChange.changes(
        from: first, to: second,
        modules: first.adaptedModules(in: left.archive) + second.adaptedModules(in: right.archive))
    } else {
      config = nil
      reordered = []
    }
    tensors = try CheckpointComparison(left.archive, right.archive)
  }

  /// Whether nothing that counts differs.
  public var isSame: Bool { tensors.isSame && config?.isEmpty ?? true && reordered.isEmpty }
}
