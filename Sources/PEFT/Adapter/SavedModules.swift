public import Tensors

/// The modules that an adapter saves whole, to be asked which tensors are theirs.
public struct SavedModules: Sendable {
  private static let dot = UInt8(ascii: ".")

  private var names: Set<ArraySlice<UInt8>> = []
  /// The numbers of parts, between dots, that the names have.
  private var partCounts: Set<Int> = []

  /// Takes modules, named as `modules_to_save` names them.
  public init(_ modules: [String]) {
    for module in modules where !module.isEmpty {
      let name = Array(module.utf8)[...]
      names.insert(name)
      partCounts.insert(name.count { $0 == Self.dot } + 1)
    }
  }

  /// Whether one of the modules is part of this path: `base_model.score.weight` belongs to `score`.
  ///
  /// - Complexity: a look at the set for each part of the path and number of parts; a config and a
  ///   file can each hold a million names.
  public func hold(_ tensor: TensorName) -> Bool {
    let path = Array(tensor.string.utf8)
    let parts = path.split(separator: Self.dot, omittingEmptySubsequences: false)
    return parts.indices.contains { first in
      partCounts.contains { count in
        guard count <= parts.count - first else { return false }
        let last = parts[first + count - 1]
        return names.contains(path[parts[first].startIndex..<last.endIndex])
      }
    }
  }
}
