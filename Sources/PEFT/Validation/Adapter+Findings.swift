internal import Archives
internal import Files
internal import JSONDocument
public import Tensors

extension Adapter {
  /// Everything that can be said of the adapter without running it, values included.
  ///
  /// - Throws: what reading the weights throws.
  /// - Complexity: O(bytes of the weights).
  public func findings() throws(CheckpointError) -> [Finding] {
    var findings = config.findings + fileFindings + weights.fileFindings
    findings += multitaskWeightFindings + headFindings
    findings += try weights.valueFindings()
    return findings
  }

  /// Whether the weights are those that the config of a multitask prompt tuning adapter describes
  /// (spec/multitask-prompt-tuning.md, M4 to M7); empty for other methods.
  public var multitaskWeightFindings: [Finding] {
    guard (try? config.peftType) == .multitaskPromptTuning else { return [] }
    return shapeFindings + dtypeFindings + unexpectedFindings
  }

  private var shapeFindings: [Finding] {
    let dimensions = try? MultitaskPromptTuningConfig(config).dimensions
    return MultitaskPromptTensor.allCases.compactMap { tensor in
      guard let index = weights.index(of: tensor.name) else {
        return Finding(
          .error, "missing-tensor", "the weights have no \(tensor.rawValue)", tensor: tensor.name)
      }
      // Sizes that the config does not have are a finding of the config.
      guard let (expected, origin) = dimensions?.shape(of: tensor) else { return nil }
      let shape = weights.tensor(at: index).shape
      guard shape != expected else { return nil }
      return Finding(
        .error, "shape-mismatch",
        "\(tensor.rawValue) has the shape \(shape), and the config says \(expected) = \(origin)",
        tensor: tensor.name)
    }
  }

  private var dtypeFindings: [Finding] {
    let present = MultitaskPromptTensor.allCases.compactMap { tensor in
      weights.index(of: tensor.name).map { weights.tensor(at: $0) }
    }
    let floating: Set<DType> = [.float32, .float64, .bfloat16, .float16]
    if let other = present.first(where: { !floating.contains($0.dtype) }) {
      return [
        Finding(
          .error, "unsupported-dtype",
          "\(other.name) has the dtype \(other.dtype), which no prompt is computed in",
          tensor: other.name)
      ]
    }
    guard Set(present.map(\.dtype)).count > 1 else { return [] }
    let dtypes = present.map { "\($0.name) is \($0.dtype)" }.joined(separator: ", ")
    return [Finding(.warning, "dtype-mismatch", "the tensors differ in dtype: \(dtypes)")]
  }

  private var unexpectedFindings: [Finding] {
    let modules = SavedModules((try? config.savedModules) ?? [])
    let own = Set(MultitaskPromptTensor.allCases.map(\.name))
    return weights.tensors.compactMap { tensor in
      guard !own.contains(tensor.name), !modules.hold(tensor.name) else { return nil }
      return Finding(
        .warning, "unexpected-tensor",
        "\(tensor.name) belongs neither to the method nor to a module of \"modules_to_save\"",
        tensor: tensor.name)
    }
  }
}
