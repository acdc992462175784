// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

/// A module of the base model with the tensors that an adapter has for it.
public struct AttachedModule: Sendable {
  /// The name in the base model, also where the file has it under a name that PEFT does not find.
  public let name: String
  /// The form that fits the tensors best.
  public let form: ModuleForm
  /// The values of the form's symbols: those of the config, and then those of the tensors.
  public let values: ExtentValues
  /// The indices of the tensors in the archive, by their names below the module.
  public let tensors: [String: Int]
}

/// How well a form fits the tensors of a module.
struct FormFit {
  /// A tensor of the form.
  struct Mismatch {
    let tensor: ModuleTensor
    let index: Int
    let shape: Shape
  }

  private(set) var missing: [ModuleTensor] = []
  private(set) var mismatches: [Mismatch] = []
  /// The tensors without elements, unless the form expects them.
  private(set) var empty: [Int] = []
  /// The tensors that the form does not have.
  private(set) var surplus: [Int] = []
  private(set) var values: ExtentValues
  private var wrongRankCount = 0
  /// Whether PEFT uses the form for a module with these sizes, as far as they tell it.
  private let applies: Bool
  /// Whether all tensors are there in the right shapes, but PEFT does not use the form for a module
  /// of these sizes.
  var isUnused: Bool {
    !applies && missing.isEmpty && mismatches.isEmpty && surplus.isEmpty && empty.isEmpty
  }

  /// Compares a form with tensors.
  ///
  /// - Parameters:
  ///   - tensors: the indices of the tensors, by their names below the module.
  ///   - transposed: the tensors whose dimensions are taken in the other order.
  init(
    _ form: ModuleForm, _ tensors: [String: Int], _ values: ExtentValues,
    in weights: any TensorArchive, transposed: Set<Int> = []
  ) {
    self.values = values
    var count = 0
    for tensor in form.tensors {
      guard let index = tensors[tensor.name] else {
        if !tensor.isOptional { missing.append(tensor) }
        continue
      }
      count += 1
      let own = weights.tensor(at: index).shape
      let shape = transposed.contains(index) ? Shape(own.dimensions.reversed()) : own
      guard !tensor.shape.accept(shape, in: &self.values) else { continue }
      // A finding of its own says that a tensor is empty.
      if shape.dimensions.contains(0) {
        empty.append(index)
      } else {
        mismatches.append(Mismatch(tensor: tensor, index: index, shape: shape))
        if shape.rank != tensor.shape.count { wrongRankCount += 1 }
      }
    }
    applies = form.applies(self.values) ?? true
    if count < tensors.count {
      let names = Set(form.tensors.map(\.name))
      surplus = tensors.filter { !names.contains($0.key) }.map(\.value).sorted()
    }
  }

  /// Whether everything fits.
  var isPerfect: Bool {
    applies && missing.isEmpty && mismatches.isEmpty && surplus.isEmpty
  }

  /// The misfit: first the presence of tensors and their numbers of dimensions, then extents. A tensor
  /// that is there says more than one that is not.
  private var cost: (Int, Int) {
    (
      missing.count + 4 * surplus.count + 3 * wrongRankCount + (applies ? 0 : 1),
      mismatches.count
    )
  }

  /// The form that fits best, the first of equals.
  static func best(
    of forms: [ModuleForm], _ tensors: [String: Int], _ values: ExtentValues,
    in weights: any TensorArchive
  ) -> (form: ModuleForm, fit: FormFit)? {
    var best: (form: ModuleForm, fit: FormFit)?
    let applying = forms.filter { $0.applies(values) ?? true }
    for form in applying.isEmpty ? forms : applying {
      let fit = FormFit(form, tensors, values, in: weights)
      if let current = best, fit.cost >= current.fit.cost { continue }
      best = (form, fit)
      if fit.isPerfect { break }
    }
    return best
  }
}
