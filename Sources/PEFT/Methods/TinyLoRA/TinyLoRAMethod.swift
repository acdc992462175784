// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// TinyLoRA: a vector of a few numbers mixes fixed matrices between a weight's singular vectors;
/// modules share vectors.
public struct TinyLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "TINYLORA") }
  public var parameterPrefix: String { "tinylora_" }
  public var moduleSizes: [ModuleSize] {
    [ModuleSize("r", default: 2), ModuleSize("u", default: 64)]
  }
  public var rules: [ConfigRule] {
    [
      .number("init_v_bound", "at least 0") { $0 >= 0 },
      .number("weight_tying", "at least 0 and at most 1") { $0 >= 0 && $0 <= 1 },
      .layersPatternNeedsLayers, .bias,
    ]
  }

  public var tensorKeys: [String: String] { ["tinylora_P": "save_projection"] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let hasProjection = config.flag("save_projection", default: true)
    func form(_ layer: LayerKind, inputs: Extent, outputs: Extent) -> ModuleForm {
      let rank = Extent("min(r, in, out)") { values in
        values["r"].flatMap { rank in
          inputs.value(in: values).flatMap { inputs in
            outputs.value(in: values).map { min(rank, inputs, $0) }
          }
        }
      }
      let factors: [ModuleTensor] = [
        .init("tinylora_A", [rank, inputs]), .init("tinylora_B", [outputs, rank]),
      ]
      return ModuleForm(
        layer,
        tensors: hasProjection ? factors + [.init("tinylora_P", ["u", rank, rank])] : factors
      ) { values in
        guard let expected = values["r"], let rank = values["min(r, in, out)"] else { return nil }
        return rank <= expected
      }
    }
    return [
      form(.linear, inputs: "in", outputs: "out"),
      form(.embedding, inputs: "out", outputs: "vocab"),
    ]
  }

  /// The vectors: as many as groups of modules, each of the size `u`.
  public func sharedTensors(
    for config: AdapterConfig, modules: [AdaptedModule]
  ) -> [ExpectedTensor] {
    guard !modules.isEmpty, let tying = config.number("weight_tying", default: 0),
      tying >= 0, tying <= 1
    else { return [] }
    let groups = (Double(modules.count) * (1 - tying)).rounded(.toNearestOrEven)
    let size = Extent("u", value: config.integer("u", default: 64))
    return (0..<max(1, Int(groups))).map {
      ExpectedTensor(TensorName("base_model.tinylora_v.\($0)"), shape: [size])
    }
  }
}
