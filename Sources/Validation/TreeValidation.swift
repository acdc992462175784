// SPDX-License-Identifier: Apache-2.0
public import PEFT
public import Tensors

/// The check of every adapter, model and checkpoint file of a tree, each by itself.
public struct TreeValidation: Sendable {
  /// The result of a unit.
  public struct Item: Sendable {
    /// The path of the unit.
    public let path: String
    /// The findings, or why the unit cannot be read.
    public let result: Result<Validation, CheckpointError>
  }

  /// Takes the result of a unit.
  public typealias Observer = @Sendable (Item) throws(CheckpointError) -> Void

  /// The root of the tree.
  public let root: String
  /// What adapters are checked against.
  public private(set) var options: FindingOptions

  /// Describes a check.
  public init(root: String, options: FindingOptions = FindingOptions()) {
    self.root = root
    self.options = options
    self.options.memory = FindingMemory()
  }

  /// Checks the tree on all CPUs. A unit that cannot be read does not end the check.
  ///
  /// - Parameter observer: called for each unit, in the order of the walk, one call at a time.
  /// - Throws: `missing` or `system` when the root cannot be listed; what `observer` throws.
  /// - Complexity: O(bytes of the tree), in memory for the names of a directory and its parents.
  public func run(_ observer: @escaping Observer) throws(CheckpointError) {
    let options = options
    try TreeWork<Validation>(root: root) { checkpoint, path throws(CheckpointError) in
      try Validation(checkpoint, path: path, options: options)
    }.run { path, result throws(CheckpointError) in
      try observer(Item(path: path, result: result))
    }
  }
}
