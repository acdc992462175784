// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// VeRA: two scaling vectors for each module, around random factors that all modules share.
public struct VeRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "VERA") }
  public var parameterPrefix: String { "vera_lambda_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 256)] }
  public var rules: [ConfigRule] { [.layersPatternNeedsLayers, .bias] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("vera_lambda_b", ["out"], untrained: .zeros), .init("vera_lambda_d", ["r"]),
        ])
    ]
  }

  public func sharedTensors(
    for config: AdapterConfig, modules: [AdaptedModule]
  ) -> [ExpectedTensor] {
    guard config.savesProjection else { return [] }
    let rank = Extent("r", value: config.integer("r", default: 256))
    return [
      ExpectedTensor("base_model.vera_A", shape: [rank, modules.largest("in")]),
      ExpectedTensor("base_model.vera_B", shape: [modules.largest("out"), rank]),
    ]
  }
}

/// PVeRA: VeRA whose inner vector is sampled, so that it holds a mean and a variance.
public struct PVeRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "PVERA") }
  public var parameterPrefix: String { "pvera_lambda_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 256)] }
  public var rules: [ConfigRule] { [.layersPatternNeedsLayers, .bias] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("pvera_lambda_b", ["out"], untrained: .zeros),
          .init("pvera_lambda_d", [2 * "r"]),
        ])
    ]
  }

  public func sharedTensors(
    for config: AdapterConfig, modules: [AdaptedModule]
  ) -> [ExpectedTensor] {
    guard config.savesProjection else { return [] }
    let rank = Extent("r", value: config.integer("r", default: 256))
    return [
      ExpectedTensor("base_model.pvera_A", shape: [2 * rank, modules.largest("in")]),
      ExpectedTensor("base_model.pvera_B", shape: [modules.largest("out"), rank]),
    ]
  }
}
