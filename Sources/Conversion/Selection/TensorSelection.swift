// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A selection of tensors by name, and the new names of those selected.
public struct TensorSelection: Sendable {
  /// Patterns; a name must match one of them, unless there are none.
  public var included: [GlobPattern] = []
  /// Patterns; a name must match none of them.
  public var excluded: [GlobPattern] = []
  /// Names of single tensors that are left out.
  public var removed: Set<TensorName> = []
  /// New names of single tensors, given before the replacements.
  public var renames: [TensorName: TensorName] = [:]
  /// Replacements in names, applied in order.
  public var replacements: [NameReplacement] = []

  /// Selects all tensors and renames none.
  public init() {}

  /// Whether all tensors are selected and none is renamed.
  public var isEverything: Bool {
    included.isEmpty && excluded.isEmpty && removed.isEmpty && replacements.isEmpty
  }

  /// Whether a tensor is selected; patterns match its name in the source.
  public func contains(_ name: TensorName) -> Bool {
    guard included.isEmpty || included.contains(where: { $0.matches(name) }) else { return false }
    return !removed.contains(name) && !excluded.contains { $0.matches(name) }
  }
}
