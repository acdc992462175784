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
    var isContained = false
    forEachModule(of: tensor) { _ in
      isContained = true
      return false
    }
    return isContained
  }

  /// The names of the modules that a tensor belongs to.
  ///
  /// - Complexity: as that of `contains(_:)`.
  func modules(of tensor: TensorName) -> [String] {
    var modules: [String] = []
    forEachModule(of: tensor) { name in
      modules.append(String(decoding: name, as: UTF8.self))
      return true
    }
    return modules
  }

  /// The paths of two of the modules that a tensor belongs to, of which one contains the other; nil if there
  /// are none.
  ///
  /// - Parameter start: the bytes of the tensor's name before the path of its module.
  /// - Complexity: as that of `contains(_:)`.
  func nesting(of tensor: TensorName, from start: Int) -> (outer: String, inner: String)? {
    var outer: ArraySlice<UInt8>?
    var found: (outer: String, inner: String)?
    let path = Array(tensor.string.utf8)
    forEachModule(of: tensor) { name in
      guard name.startIndex >= start else { return true }
      guard let first = outer else {
        outer = path[start..<name.endIndex]
        return true
      }
      guard name.endIndex > first.endIndex else { return true }
      found = (
        String(decoding: first, as: UTF8.self),
        String(decoding: path[start..<name.endIndex], as: UTF8.self)
      )
      return false
    }
    return found
  }

  /// Passes on the names of the modules that a tensor belongs to, until the closure returns false.
  private func forEachModule(
    of tensor: TensorName, _ body: (ArraySlice<UInt8>) -> Bool
  ) {
    let path = Array(tensor.string.utf8)
    for end in path.indices where path[end] == Self.dot {
      for count in byteCounts.prefix(while: { $0 <= end }) {
        let name = path[end - count..<end]
        if names.contains(name), !body(name) { return }
      }
    }
  }
}
