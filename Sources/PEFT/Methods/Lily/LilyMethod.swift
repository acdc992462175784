// SPDX-License-Identifier: Apache-2.0

/// Lily: layers share factors, and a router mixes those of the outputs. Shared factors are saved with
/// each module.
public struct LilyMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "LILY") }
  public var parameterPrefix: String { "lily_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] {
    [ModuleSize("r", default: 32), ModuleSize("num_B", default: 2, minimum: 2)]
  }
  public var rules: [ConfigRule] { [.atLeast(1, "stride_A"), .layersPatternNeedsLayers] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("lily_A.weight", ["r", "in"]),
          .init("lily_B.weight", ["num_B" * "r", "out"], untrained: .zeros),
          .init("lily_router.weight", ["num_B", "r"]),
        ])
    ]
  }
}
