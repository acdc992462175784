public import Tensors

/// Which tensors are converted, and what they are called then.
public struct TensorSelection: Sendable {
  /// Patterns of which a name must match one, unless there are none.
  public var included: [GlobPattern] = []
  /// Patterns of which a name may match none.
  public var excluded: [GlobPattern] = []
  /// Replacements in names, one after another.
  public var replacements: [NameReplacement] = []

  /// Selects everything and renames nothing.
  public init() {}

  /// Whether nothing is left out and nothing renamed.
  public var isEverything: Bool {
    included.isEmpty && excluded.isEmpty && replacements.isEmpty
  }

  /// Whether a tensor is among those selected; patterns look at its name in the source.
  public func contains(_ name: TensorName) -> Bool {
    guard included.isEmpty || included.contains(where: { $0.matches(name) }) else { return false }
    return !excluded.contains { $0.matches(name) }
  }
}
