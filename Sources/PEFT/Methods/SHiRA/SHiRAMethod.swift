// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
internal import Tensors

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

  /// A weight has no fewer elements than are trained: of a sum of its sides, that is most of a square.
  public func weightFindings(
    of weights: any TensorArchive, for config: AdapterConfig?
  ) -> [Finding] {
    guard let config, let rank = config.integer("r", default: 32), rank >= 1,
      let tensor = weights.tensors.first(where: { tensor in
        let (least, overflow) = rank.multipliedReportingOverflow(by: 4)
        guard tensor.name.string.hasSuffix(".shira_weight"), tensor.shape.rank == 1,
          let count = Int(exactly: tensor.shape.dimensions[0]), count > 0, count % rank == 0
        else { return false }
        return overflow || count / rank < least
      })
    else { return [] }
    return [
      Finding(
        .error, "shape-mismatch",
        "\(tensor.name) has the shape \(tensor.shape): with \"r\" \(rank), no weight has so few elements, "
          + "and PEFT refuses the rank", key: "r", tensor: tensor.name)
    ]
  }
}
