// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// X-LoRA: a classifier weighs several LoRA adapters, which are in directories of their own.
///
/// PEFT names the adapters by numbers, and leaves out the layers of the classifier that have such a
/// number, the first always.
public struct XLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "XLORA") }
  public var summaryKeys: [SummaryKey] {
    [SummaryKey("adapters", counting: "adapter"), "xlora_depth"]
  }
  public var rules: [ConfigRule] { [.atLeast(1, "xlora_depth")] }

  /// Hidden layers in steps of a linear layer, its activation and, unless it is 0, its dropout.
  public func expectedTensors(for config: AdapterConfig?) -> [ExpectedTensor] {
    let depth = config?.integer("xlora_depth", default: 1) ?? 1
    let hasDropout = (config?.number("xlora_dropout_p", default: 0.2) ?? 0.2) > 0
    let width = Extent("xlora_size", value: config?.integer("xlora_size", default: 2048))
    let hidden = Extent("hidden_size", value: config?.integer("hidden_size", default: 4096))
    let adapters = config?.document["adapters"]?.object?.count
    return (0..<max(1, min(depth, Self.largestDepth))).flatMap { layer -> [ExpectedTensor] in
      let number = layer * (hasDropout ? 3 : 2)
      let name = "base_model.internal_xlora_classifier.layers.\(number)."
      let isOptional = number == 0 || adapters.map { number < $0 } ?? true
      let outputs: Extent = layer == depth - 1 ? "scalings" : width
      return [
        ExpectedTensor(
          TensorName(name + "weight"), shape: [outputs, layer == 0 ? hidden : width],
          isOptional: isOptional),
        ExpectedTensor(TensorName(name + "bias"), shape: [outputs], isOptional: isOptional),
      ]
    }
  }

  /// The deepest classifier that is described.
  private static let largestDepth = 100
}
