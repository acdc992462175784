// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// Findings about the names, the presence, the shapes and the dtypes of the tensors
  /// (spec/adapter-methods.md).
  ///
  /// - Complexity: O(tensors · forms); no tensor data is read.
  public var findings: [Finding] {
    guard rules.isDescribed else { return emptinessFindings + rules.weightFindings(weights) }
    if let finding = absenceFinding { return [finding] }
    var findings = expectedFindings + nameFindings + emptyFindings + moduleFindings
    findings += targetFindings + siblingFindings + shapeFindings + patternFindings + dtypeFindings
    findings += savedFindings + savedSiblingFindings + biasFindings + otherFindings
    return findings + rules.weightFindings(weights)
  }

  /// Findings that every method's weights can have.
  private var emptinessFindings: [Finding] {
    weights.tensorCount == 0 ? [noTensors] : []
  }

  private var noTensors: Finding {
    Finding(
      .error, "no-tensors",
      "the weights contain no tensors: the adapter changes nothing; save it again")
  }

  /// A finding about weights without any tensor of the method.
  private var absenceFinding: Finding? {
    guard !rules.isPromptLearning, modules.isEmpty, shared.isEmpty, unknownParameters.isEmpty,
      expected.isEmpty
    else { return nil }
    guard weights.tensorCount > 0 else { return noTensors }
    let name = weights.tensor(at: 0).name
    return Finding(
      .error, "no-adapter-tensors",
      "none of the \(weights.tensorCount.counted("tensor")) belongs to \(rules.type.rawValue), the "
        + "first is \(name): the adapter changes nothing else", tensor: name)
  }

  /// Findings about the dtypes of the method's tensors.
  private var dtypeFindings: [Finding] {
    let parameters = parameters
    let names = parameters.map { ($0.tensor, weights.tensor(at: $0.tensor)) }
    if let other = zip(parameters, names).first(where: { parameter, tensor in
      !parameter.isInteger && !accepts(tensor.1.dtype)
    }) {
      let tensor = other.1.1
      let expected =
        rules.isPromptLearning ? "F64, F32, BF16 or F16" : "a floating-point type"
      return [
        Finding(
          .error, "unsupported-dtype",
          "\(tensor.name) has the dtype \(tensor.dtype), not \(expected)", tensor: tensor.name)
      ]
    }
    let floats = zip(parameters, names).filter { !$0.0.isInteger }.map(\.1.1)
    guard Set(floats.map(\.dtype)).count > 1 else { return [] }
    if rules.isPromptLearning {
      let dtypes = floats.map { "\($0.name) is \($0.dtype)" }.joined(separator: ", ")
      return [Finding(.warning, "dtype-mismatch", "the tensors differ in dtype: \(dtypes)")]
    }
    let examples = Dictionary(floats.map { ($0.dtype, $0.name) }) { first, _ in first }
    let dtypes = examples.sorted { $0.value < $1.value }.map { "\($0.value) is \($0.key)" }
    return [
      Finding(
        .note, "dtype-mismatch",
        "the tensors differ in dtype: \(dtypes.joined(separator: ", "))")
    ]
  }

  private func accepts(_ dtype: DType) -> Bool {
    rules.isPromptLearning
      ? [.float32, .float64, .bfloat16, .float16].contains(dtype) : dtype.isFloatingPoint
  }

  /// The tensors of the method.
  private var parameters: [(tensor: Int, isInteger: Bool)] {
    let expected = expected.compactMap { expected in
      weights.index(of: expected.name).map { ($0, expected.isInteger) }
    }
    let ofModules = modules.flatMap { module in
      module.form.tensors.compactMap { tensor in
        module.tensors[tensor.name].map { ($0, tensor.isInteger) }
      }
    }
    return expected + ofModules
  }
}
