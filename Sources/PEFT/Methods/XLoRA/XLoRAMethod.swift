// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// X-LoRA: a classifier weighs several LoRA adapters, which are in directories of their own.
///
/// PEFT leaves out the layers of the classifier whose numbers are those of adapters, the first
/// always, so that no tensor is required.
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
    return (0..<max(1, min(depth, Self.largestDepth))).flatMap { layer -> [ExpectedTensor] in
      let name = "base_model.internal_xlora_classifier.layers.\(layer * (hasDropout ? 3 : 2))."
      let outputs: Extent = layer == depth - 1 ? "scalings" : width
      return [
        ExpectedTensor(
          TensorName(name + "weight"), shape: [outputs, layer == 0 ? hidden : width],
          isOptional: true),
        ExpectedTensor(TensorName(name + "bias"), shape: [outputs], isOptional: true),
      ]
    }
  }

  /// The deepest classifier that is described.
  private static let largestDepth = 100
}
