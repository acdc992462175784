// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// VB-LoRA: the parts of LoRA's factors are mixtures of vectors in one bank, by logits, or by the
/// largest of them.
public struct VBLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "VBLORA") }
  public var parameterPrefix: String { "vblora_" }
  public var moduleSizes: [ModuleSize] {
    [
      ModuleSize("r", default: 4), ModuleSize("vector_length", default: 256),
      ModuleSize("num_vectors", default: 256), ModuleSize("topk", default: 2),
    ]
  }
  public var rules: [ConfigRule] {
    [
      .layersPatternNeedsLayers, .bias,
      .number("init_vector_bank_bound", "at least 0") { $0 >= 0 },
      .number("init_logits_std", "at least 0") { $0 >= 0 },
    ]
  }

  public var tensorKeys: [String: String] {
    var keys: [String: String] = [:]
    for name in ["vblora_logits_A", "vblora_logits_B"] {
      for ending in ["", "_topk_indices", "_topk_weights"] {
        keys[name + ending] = "save_only_topk_weights"
      }
    }
    return keys
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let logits: [(name: String, shape: [Extent])] = [
      ("vblora_logits_A", ["r", "in" / "vector_length"]),
      ("vblora_logits_B", ["out" / "vector_length", "r"]),
    ]
    let isReduced = config.flag("save_only_topk_weights", default: false)
    // The last weight is what the others leave of 1.
    let weights = Extent("topk - 1") { values in values["topk"].map { $0 - 1 } }
    return [
      ModuleForm(
        .linear,
        tensors: logits.flatMap { name, shape -> [ModuleTensor] in
          isReduced
            ? [
              .init("\(name)_topk_indices", shape + ["topk"], isInteger: true),
              .init("\(name)_topk_weights", shape + [weights]),
            ] : [.init(name, shape + ["num_vectors"])]
        })
    ]
  }

  public func expectedTensors(for config: AdapterConfig?) -> [ExpectedTensor] {
    let sides = ["num_vectors", "vector_length"].map {
      Extent($0, value: config?.integer($0, default: 256))
    }
    return [ExpectedTensor("base_model.vblora_vector_bank", shape: sides)]
  }
}
