public import Tensors

/// The modules that an adapter saves whole, to be asked which tensors are theirs.
public struct SavedModules: Sendable {
  private static let dot = UInt8(ascii: ".")

  private var names: Set<ArraySlice<UInt8>> = []
  /// The sizes that the names have, rising.
  private let byteCounts: [Int]

  /// Takes modules, named as `modules_to_save` names them.
  public init(_ modules: [String]) {
    for module in modules where !module.isEmpty { names.insert(Array(module.utf8)[...]) }
    byteCounts = Set(names.map(\.count)).sorted()
  }

  /// Whether a tensor stands in one of the modules: in one whose path ends with the name, as PEFT
  /// looks for them. `base_model.pre_classifier.weight` stands in `classifier`.
  ///
  /// - Complexity: a look at the set for each dot of the path and size of a name; a config and a
  ///   file can each hold a million names.
  public func contains(_ tensor: TensorName) -> Bool {
    let path = Array(tensor.string.utf8)
    return path.indices.contains { end in
      guard path[end] == Self.dot else { return false }
      return byteCounts.prefix { $0 <= end }.contains { names.contains(path[end - $0..<end]) }
    }
  }
}
