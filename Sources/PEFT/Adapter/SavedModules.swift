// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The modules that an adapter saves whole.
public struct SavedModules: Sendable {
  private static let dot = UInt8(ascii: ".")

  private var names: Set<ArraySlice<UInt8>> = []
  /// The lengths of the names in bytes, in ascending order.
  private let byteCounts: [Int]

  /// Creates a set of modules from names as in `modules_to_save`.
  public init(_ modules: [String]) {
    for module in modules where !module.isEmpty { names.insert(Array(module.utf8)[...]) }
    byteCounts = Set(names.map(\.count)).sorted()
  }

  /// Whether a tensor belongs to one of the modules: to a module whose path ends with the name, as
  /// in PEFT. `base_model.pre_classifier.weight` belongs to `classifier`.
  ///
  /// - Complexity: one lookup for each dot of the path and length of a name, since a config and a
  ///   file can each contain a million names.
  public func contains(_ tensor: TensorName) -> Bool {
    let path = Array(tensor.string.utf8)
    return path.indices.contains { end in
      guard path[end] == Self.dot else { return false }
      return byteCounts.prefix { $0 <= end }.contains { names.contains(path[end - $0..<end]) }
    }
  }
}
