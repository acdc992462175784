// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// The tensors of a module that would fit with their dimensions in the other order.
  struct Rearrangement: Hashable {
    /// Their names below the module.
    let leaves: [String]
  }

  /// What is wrong with a module that has all its tensors, in shapes that fit once matrices are transposed;
  /// nil for any other module (spec/adapter-methods.md, A44).
  ///
  /// Two factors that are exchanged with one another look alike.
  func rearrangement(of number: Int) -> Rearrangement? {
    let (module, fit) = (modules[number], fits[number])
    // One tensor alone is not a pair of factors.
    guard module.tensors.count > 1, !fit.mismatches.isEmpty, fit.missing.isEmpty,
      fit.surplus.isEmpty, fit.empty.isEmpty,
      fit.mismatches.allSatisfy({ $0.shape.rank == 2 && $0.tensor.shape.count == 2 })
    else { return nil }
    var rules = rules
    let transposed = FormFit(
      module.form, module.tensors, rules.values(for: module.name), in: weights,
      transposed: Set(fit.mismatches.map(\.index)))
    guard transposed.isPerfect else { return nil }
    return Rearrangement(leaves: fit.mismatches.map(\.tensor.name))
  }

  /// A finding about modules whose factors are rearranged in one way.
  func finding(about rearrangement: Rearrangement, of numbers: [Int]) -> Finding {
    let leaves = rearrangement.leaves
    let others = numbers.count - 1
    let places = others == 0 ? "" : ", and those of \(others.counted("other module")) alike"
    let shapes = leaves.compactMap { leaf in
      modules[numbers[0]].tensors[leaf].map { weights.tensor(at: $0) }
    }
    let described = shapes.map { "\($0.name) \($0.shape)" }.joined(separator: " and ")
    let cause =
      leaves.count == 1 && others == 0
      ? "has its dimensions in the wrong order"
      : "have their dimensions in the wrong order"
        + (leaves.count == 1 ? "" : ", or are exchanged with one another")
    return Finding(
      .error, "shape-mismatch",
      "\(described)\(places) \(cause): PEFT refuses the adapter; other libraries store factors so, such "
        + "as mlx-lm", tensor: shapes.first?.name)
  }
}
