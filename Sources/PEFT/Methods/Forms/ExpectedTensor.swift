// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Tensors

/// A tensor that the config of an adapter calls for.
public struct ExpectedTensor: Sendable {
  /// The name in a weights file.
  public let name: TensorName
  /// The name of the parameter in PEFT's module. The state dict of a whole model has it behind the
  /// path of the module.
  public let parameterName: String
  /// The shape in symbols, outermost extent first.
  public let shape: [Extent]
  /// Whether PEFT loads an adapter without it in full.
  public let isOptional: Bool
  /// Whether the tensor has integers, such as indices, and not floating-point numbers.
  public let isInteger: Bool

  /// Describes a tensor.
  ///
  /// - Parameters:
  ///   - name: the name in the file.
  ///   - parameterName: the name in PEFT's module; nil if it is the same as in the file.
  ///   - shape: the extents, some of them symbols.
  ///   - isOptional: whether the tensor may be absent.
  ///   - isInteger: whether its dtype is an integer.
  public init(
    _ name: TensorName, parameterName: String? = nil, shape: [Extent], isOptional: Bool = false,
    isInteger: Bool = false
  ) {
    self.name = name
    self.parameterName = parameterName ?? name.string
    self.shape = shape
    self.isOptional = isOptional
    self.isInteger = isInteger
  }
}

extension [Extent] {
  /// Whether a shape is the expected one, as far as values are known. If it is, symbols without a
  /// value get those of the shape.
  func accept(_ shape: Shape, in values: inout ExtentValues) -> Bool {
    guard shape.rank == count else { return false }
    var bound = values
    for (actual, extent) in zip(shape.dimensions, self) {
      guard let actual = Int(exactly: actual), extent.accepts(actual, in: &bound) else {
        return false
      }
    }
    values = bound
    return true
  }
}

extension [ExpectedTensor] {
  /// Findings about the presence and the shapes of the tensors (spec/multitask-prompt-tuning.md, M4
  /// and M5).
  ///
  /// - Complexity: O(tensors of the file) for each tensor that is missing, else O(expected tensors).
  func findings(in weights: any TensorArchive) -> [Finding] {
    var values = ExtentValues()
    var findings: [Finding] = []
    for expected in self {
      guard let index = weights.index(of: expected.name) else {
        if !expected.isOptional { findings.append(expected.absence(in: weights, values)) }
        continue
      }
      let shape = weights.tensor(at: index).shape
      if !expected.shape.accept(shape, in: &values) {
        findings.append(expected.mismatch(shape, values))
      }
    }
    return findings
  }
}

extension ExpectedTensor {
  fileprivate func mismatch(_ shape: Shape, _ values: ExtentValues) -> Finding {
    let numbers = self.shape.map { $0.value(in: values).map(String.init) ?? $0.symbol }
    let symbols = self.shape.map(\.symbol).joined(separator: ", ")
    let isFromTensors = self.shape.contains { values.isFromTensor($0.symbol) }
    let source = isFromTensors ? "the config and the other tensors say" : "the config says"
    return Finding(
      .error, "shape-mismatch",
      "\(name) has the shape \(shape), but \(source) [\(numbers.joined(separator: ", "))] = "
        + "[\(symbols)]", tensor: name)
  }

  /// A finding about a missing tensor, with the rename that provides it if there is one.
  fileprivate func absence(in weights: any TensorArchive, _ values: ExtentValues) -> Finding {
    let message = "the weights have no \(name)"
    guard let other = otherName(in: weights, values) else {
      return Finding(.error, "missing-tensor", message, tensor: name)
    }
    // PEFT puts its adapter's name behind that of a parameter of its own model, unless it is there.
    let isTaken =
      other.string == name.string + ".default"
      && name.string.utf8.count { $0 == UInt8(ascii: ".") } == 1
    guard !isTaken else {
      return Finding(
        .warning, "misnamed-tensor",
        "\(other) has the name of an adapter in its name: PEFT 0.21 loads it as \(name), older releases and "
          + "other runtimes do not", tensor: other, repairs: [.renameTensor(from: other, to: name)])
    }
    return Finding(
      .error, "missing-tensor",
      message + ": rename \(other), which is the same tensor under its name in a whole model",
      tensor: name, repairs: [.renameTensor(from: other, to: name)])
  }

  /// The only tensor of the expected shape whose path ends with the name of the tensor or parameter.
  private func otherName(in weights: any TensorArchive, _ values: ExtentValues) -> TensorName? {
    let own = "." + name.string
    let endings = [own, "." + parameterName]
    let candidates = weights.tensors.filter { tensor in
      let path = "." + tensor.name.string
      // The name without PEFT's prefix, or with an adapter's name behind it.
      let isPart = own.hasSuffix(path) || path.hasPrefix(own + ".") && !path.hasSuffix(".weight")
      var values = values
      return (isPart || endings.contains { path.hasSuffix($0) })
        && shape.accept(tensor.shape, in: &values)
    }
    return candidates.count == 1 ? candidates[0].name : nil
  }
}
