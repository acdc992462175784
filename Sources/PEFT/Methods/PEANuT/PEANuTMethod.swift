// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// PEANuT: a small network of the weight gives a module's change: a factor, residual pairs of square
/// layers, and a factor back.
public struct PEANuTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "PEANUT") }
  public var parameterPrefix: String { "peanut_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 32)] }
  public var rules: [ConfigRule] {
    [.atLeast(0, "depth"), .layersPatternNeedsLayers, Self.activation]
  }

  private static let activation = ConfigRule("act_fn") { config in
    config.document["act_fn"]?.string?.isEmpty == true
      ? "\"act_fn\" is empty, but must be the name of an activation function" : nil
  }

  /// The most pairs that are described; configs have a few.
  private static let largestDepth = 1024

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let depth = min(max(0, config.integer("depth", default: 0) ?? 0), Self.largestDepth)
    let pairs = ["encoders", "decoders"].flatMap { side in
      (0..<depth).map { ModuleTensor("peanut_\(side).\($0).weight", ["r", "r"]) }
    }
    return [
      ModuleForm(
        .linear,
        tensors: [
          .init("peanut_A.weight", ["r", "out"]),
          .init("peanut_B.weight", ["out", "r"], untrained: .zeros),
        ] + pairs)
    ]
  }
}
