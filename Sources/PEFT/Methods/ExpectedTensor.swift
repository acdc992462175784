// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Tensors

/// A tensor that the config of an adapter calls for.
public struct ExpectedTensor: Sendable, Hashable {
  /// The name in a weights file.
  public let name: TensorName
  /// The name of the parameter in PEFT's module. The state dict of a whole model has it behind the
  /// path of the module.
  public let parameterName: String
  /// The shape in symbols, outermost extent first.
  public let shape: [Extent]

  /// Describes a tensor.
  public init(_ name: TensorName, parameterName: String, shape: [Extent]) {
    self.name = name
    self.parameterName = parameterName
    self.shape = shape
  }
}

/// An extent of an expected shape.
///
/// Extents of one symbol are equal in all tensors of an adapter.
public struct Extent: Sendable, Hashable {
  /// The symbol, in the words of the config: `num_tasks`.
  public let symbol: String
  /// The value that the config gives it; nil when only the tensors tell it.
  public let value: Int?

  /// Describes an extent.
  public init(_ symbol: String, value: Int?) {
    self.symbol = symbol
    self.value = value
  }
}

/// The values of symbols: those of the config, and for other symbols those of the first tensor that
/// has them.
struct ExtentTable {
  private var values: [String: Int] = [:]

  /// The value of an extent, if one is known.
  func value(of extent: Extent) -> Int? { extent.value ?? values[extent.symbol] }

  /// Whether a shape is the expected one, as far as values are known.
  func matches(_ shape: Shape, _ expected: [Extent]) -> Bool {
    guard shape.rank == expected.count else { return false }
    return zip(shape.dimensions, expected).allSatisfy { actual, extent in
      if let value = value(of: extent) { return UInt(value) == actual }
      return actual >= 1 && Int(exactly: actual) != nil
    }
  }

  /// Gives symbols without a value those of a shape that matches.
  mutating func bind(_ shape: Shape, _ expected: [Extent]) {
    for (actual, extent) in zip(shape.dimensions, expected) where value(of: extent) == nil {
      values[extent.symbol] = Int(exactly: actual)
    }
  }
}

extension [ExpectedTensor] {
  /// Findings about the presence and the shapes of the tensors (spec/multitask-prompt-tuning.md, M4
  /// and M5).
  ///
  /// - Complexity: O(tensors of the file) for each tensor that is missing, else O(expected tensors).
  func findings(in weights: any TensorArchive) -> [Finding] {
    var extents = ExtentTable()
    var findings: [Finding] = []
    for expected in self {
      guard let index = weights.index(of: expected.name) else {
        findings.append(expected.absence(in: weights, extents))
        continue
      }
      let shape = weights.tensor(at: index).shape
      if extents.matches(shape, expected.shape) {
        extents.bind(shape, expected.shape)
      } else {
        findings.append(expected.mismatch(shape, extents))
      }
    }
    return findings
  }
}

extension ExpectedTensor {
  fileprivate func mismatch(_ shape: Shape, _ extents: ExtentTable) -> Finding {
    let values = self.shape.map { extents.value(of: $0).map(String.init) ?? $0.symbol }
    let symbols = self.shape.map(\.symbol).joined(separator: ", ")
    let isFromTensors = self.shape.contains { $0.value == nil && extents.value(of: $0) != nil }
    let source = isFromTensors ? "the config and the other tensors say" : "the config says"
    return Finding(
      .error, "shape-mismatch",
      "\(name) has the shape \(shape), but \(source) [\(values.joined(separator: ", "))] = "
        + "[\(symbols)]", tensor: name)
  }

  /// A finding about a missing tensor, with the rename that provides it if there is one.
  fileprivate func absence(in weights: any TensorArchive, _ extents: ExtentTable) -> Finding {
    let message = "the weights have no \(name)"
    guard let other = otherName(in: weights, extents) else {
      return Finding(.error, "missing-tensor", message, tensor: name)
    }
    return Finding(
      .error, "missing-tensor",
      message + ": rename \(other), which is the same tensor under its name in a whole model",
      tensor: name, rename: TensorRename(from: other, to: name))
  }

  /// The only tensor of the expected shape whose path ends with the name of the tensor or parameter.
  private func otherName(in weights: any TensorArchive, _ extents: ExtentTable) -> TensorName? {
    let endings = ["." + name.string, "." + parameterName]
    let candidates = weights.tensors.filter { tensor in
      let path = "." + tensor.name.string
      return endings.contains { path.hasSuffix($0) } && extents.matches(tensor.shape, shape)
    }
    return candidates.count == 1 ? candidates[0].name : nil
  }
}
