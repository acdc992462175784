// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The names that a method's tensors have below their module.
struct LeafTable: Sendable {
  private var leaves: [Substring: Int] = [:]
  /// The names in the file, by number.
  private(set) var names: [String] = []
  /// The numbers of the names with another name, which is the one in PEFT's module.
  private var hasOtherName: Set<Int> = []
  /// The numbers of the names that PEFT does not take with an adapter's name.
  private var isOnlyPlain: Set<Int> = []
  /// The largest number of components of a name.
  private var largestCount = 1
  private let parameterPrefix: String

  /// The largest number of components of an unknown name that are examined.
  private static let largestTail = 8

  init(_ rules: AttachmentRules) {
    parameterPrefix = rules.parameterPrefix
    for form in rules.forms {
      for tensor in form.tensors where leaves[tensor.name[...]] == nil {
        add(tensor.name, as: names.count)
        // ShadowPEFT saves the adapter's name.
        if !tensor.isTakenByNameInModel || tensor.name.containsBytes(of: ".default.") {
          isOnlyPlain.insert(names.count)
        }
        names.append(tensor.name)
      }
      for tensor in form.tensors {
        guard let other = tensor.otherName, let leaf = leaves[tensor.name[...]] else { continue }
        add(other, as: leaf)
        hasOtherName.insert(leaf)
      }
    }
  }

  private mutating func add(_ name: String, as leaf: Int) {
    leaves[name[...]] = leaf
    largestCount = max(largestCount, name.split(separator: ".").count)
  }

  /// A name below a module.
  struct Match {
    /// The number of components of the module's path.
    let moduleCount: Int
    /// The name's number; nil for one that no form has.
    let leaf: Int?
    /// The fault of the name, if there is one.
    let fault: NameFault?
  }

  /// Finds the name below the module at the end of a path; nil for a tensor that does not belong to
  /// the method.
  ///
  /// - Complexity: O(path).
  func match(_ path: [Substring]) -> Match? {
    for start in max(0, path.count - largestCount)..<path.count {
      if let leaf = leaves[Self.join(path[start...])] {
        return Match(moduleCount: start, leaf: leaf, fault: nil)
      }
    }
    guard !parameterPrefix.isEmpty,
      let start = path.lastIndex(where: { $0.hasPrefix(parameterPrefix) })
    else { return nil }
    let tail = Array(path[start...])
    if tail.count <= Self.largestTail, let (leaf, fault) = repaired(tail) {
      return Match(moduleCount: start, leaf: leaf, fault: fault)
    }
    return Match(moduleCount: start, leaf: nil, fault: nil)
  }

  /// The known name that an unknown one is a variation of.
  private func repaired(_ tail: [Substring]) -> (Int, NameFault)? {
    for index in tail.indices.dropFirst() {
      var shorter = tail
      let adapter = shorter.remove(at: index)
      let name = Self.join(shorter[...])
      if let leaf = leaves[name] {
        guard adapter != "weight" else { return (leaf, .suffix) }
        // PEFT has the name last, or before the last component of a module's tensor.
        let isInPlace =
          index == max(1, shorter.count - 1) && !isOnlyPlain.contains(leaf)
          && (name != names[leaf] || !hasOtherName.contains(leaf))
        return (
          leaf, .adapterName(String(adapter), isTaken: isInPlace && adapter == "default")
        )
      }
    }
    if let leaf = leaves[Self.join(tail[...] + ["weight"])] { return (leaf, .suffix) }
    return nil
  }

  private static func join(_ components: ArraySlice<Substring>) -> Substring {
    guard components.count > 1 else { return components.first ?? "" }
    return components.dotted[...]
  }
}
