// SPDX-License-Identifier: Apache-2.0

/// SHiRA: a few elements of a weight are trained, as many as LoRA's factors of the rank have.
public struct SHiRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "SHIRA") }
  public var parameterPrefix: String { "shira_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 32)] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let sides = Extent("(in + out)") { values in
      values["in"].flatMap { inputs in
        values["out"].flatMap { outputs in
          let (sum, overflow) = inputs.addingReportingOverflow(outputs)
          return overflow ? nil : sum
        }
      }
    }
    return [
      ModuleForm(
        .linear,
        tensors: [
          .init("shira_weight", ["r" * sides], untrained: .zeros),
          .init(
            "shira_indices", [2, "r" * sides], isInteger: true, isTakenByNameInModel: false),
        ])
    ]
  }
}
