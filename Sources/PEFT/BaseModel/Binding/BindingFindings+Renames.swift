// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension BindingFindings {
  /// The only module of the base model that ends like a path, or that a path ends like: the same
  /// module in a model that has a part of the path less or more.
  ///
  /// - Complexity: O(modules).
  func nearModule(_ module: String) -> String? {
    let endings = builder.tree.modules.lazy.map(\.name).filter {
      $0.hasSuffix("." + module) || module.hasSuffix("." + $0)
    }
    guard let first = endings.first, endings.dropFirst().isEmpty else { return nil }
    return first
  }

  /// The renames by which tensors that PEFT ignores become the ones that it misses, which all have the
  /// same start as the path of one module (spec/base-model.md, P28).
  ///
  /// - Parameters:
  ///   - names: tensors of modules that the base model does not have.
  ///   - module: the path of one of these modules.
  ///   - other: the path of the same module in the base model.
  /// - Returns: nothing unless PEFT misses all the new names, and no tensor of the file has one.
  func renames(
    _ names: [TensorName], from module: String, to other: String
  ) -> [Finding.Repair] {
    let prefix = builder.rules.modelPrefix
    let (surplus, lacking) =
      module.utf8.count > other.utf8.count
      ? (String(module.dropLast(other.count)), "") : ("", String(other.dropLast(module.count)))
    var missing = Set(builder.binding.missing)
    var repairs: [Finding.Repair] = []
    for name in names {
      guard name.string.hasPrefix(prefix + surplus) else { return [] }
      let rest = name.string.dropFirst(prefix.count + surplus.count)
      let new = TensorName(prefix + lacking + rest)
      guard missing.remove(new) != nil else { return [] }
      repairs.append(.renameTensor(from: name, to: new))
    }
    return repairs
  }
}
