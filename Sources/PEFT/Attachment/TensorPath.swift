// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The path of a module in the name of a tensor, and its faults.
struct TensorPath {
  /// The prefix of PEFT for the modules of the base model.
  static let modelPrefix = "base_model.model."

  /// The name that a parameter has in a model with an adapter named `default`: `lora_A.default.weight`.
  static func nameInModel(_ leaf: String) -> String {
    let parts = leaf.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    // ShadowPEFT saves the adapter's name.
    if parts.count == 2, parts[1].hasPrefix("default.") { return leaf }
    return (parts.prefix(1) + ["default"] + parts.dropFirst()).dotted
  }

  /// The components of the module's name in the base model.
  private(set) var module: ArraySlice<Substring>
  /// The faults, in the order in which they occur.
  private(set) var faults: [NameFault] = []

  /// Reads the components before the name of a parameter.
  ///
  /// - Parameter isOfTransformers: whether the base model is a class of transformers.
  /// - Complexity: O(path).
  init(_ path: ArraySlice<Substring>, isOfTransformers: Bool = false) {
    module = path
    if let start = Self.prefix(in: path) {
      if start > path.startIndex {
        let stray = path[..<start].dotted
        faults.append(.strayPrefix(stray + "."))
      }
      module = path[(start + 2)...]
      var surplus = 0
      while module.starts(with: ["base_model", "model"]) {
        module = module.dropFirst(2)
        surplus += 1
      }
      if surplus > 0 { faults.append(.repeatedPrefix(surplus)) }
    } else {
      faults.append(.missingPrefix)
      if module.first == "base_model" {
        module.removeFirst()
      } else if module.starts(with: ["model", "model"]) {
        module.removeFirst()
      }
    }
    if module.starts(with: ["model", "model"]) {
      faults.append(.repeatedModel)
      module.removeFirst()
    }
    removeWrappers()
    if isOfTransformers, ModelRoots.hasSurplusModel(module) {
      faults.append(.surplusModel)
      module.removeFirst()
    }
  }

  /// Removes the name of an adapter from the end, as far as it can be told from that of a module.
  mutating func removeAdapterName() {
    guard module.count > 1, let last = module.last, last.hasPrefix("default") else { return }
    faults.append(.adapterName(String(last), isTaken: false))
    module.removeLast()
  }

  /// The place of the first `base_model.model`.
  private static func prefix(in path: ArraySlice<Substring>) -> Int? {
    path.indices.dropLast().first { path[$0] == "base_model" && path[$0 + 1] == "model" }
  }

  private mutating func removeWrappers() {
    if module.first == "module" {
      faults.append(.wrapper("module."))
      module.removeFirst()
    }
    for wrapper in module where NameFault.wrappers.contains(wrapper) {
      let fault = NameFault.wrapper(wrapper + ".")
      if !faults.contains(fault) { faults.append(fault) }
    }
    if case .wrapper? = faults.last {
      module = module.filter { !NameFault.wrappers.contains($0) }[...]
    }
  }
}
