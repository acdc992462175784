// SPDX-License-Identifier: Apache-2.0

/// GLoRA: five paths change a module's weight and bias, each low-rank, a vector, a number or absent.
///
/// An absent path is saved as zeros. Without a bias, the paths C, D and E are absent.
public struct GLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "GLORA") }
  public var parameterPrefix: String { "glora_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 8)] }
  public var rules: [ConfigRule] {
    [
      .oneOf("config_A_B", ["lora", "vector", "constant", "none"]),
      .oneOf("config_C", ["lora", "vector", "none"]),
      .oneOf("config_D_E", ["vector", "constant", "none"]), .bias,
    ]
  }

  public var tensorKeys: [String: String] {
    let keys = [
      "A": "config_A_B", "B": "config_A_B", "C": "config_C", "D": "config_D_E", "E": "config_D_E",
    ]
    let pairs = keys.flatMap { path, key in
      ["Xd", "Xu", "X", "zeros"].map { ("glora_\(path).\($0)", key) }
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let weight = config.text("config_A_B", default: "lora")
    let input = config.text("config_C", default: "lora")
    let output = config.text("config_D_E", default: "constant")
    func form(hasBias: Bool) -> ModuleForm {
      ModuleForm(
        .linear,
        tensors: Self.path("A", weight, rows: "out", columns: "in")
          + Self.path("B", weight, rows: "out", columns: "in")
          + Self.path("C", hasBias ? input : nil, rows: "in", columns: 1)
          + Self.path("D", hasBias ? output : nil, rows: "out", columns: nil)
          + Self.path("E", hasBias ? output : nil, rows: "out", columns: nil)
      ) { $0["bias"].map { ($0 == 1) == hasBias } }
    }
    return [form(hasBias: true), form(hasBias: false)]
  }

  /// The tensors of a path that yields a matrix, or without `columns` a vector.
  private static func path(
    _ name: String, _ kind: String?, rows: Extent, columns: Extent?
  ) -> [ModuleTensor] {
    switch kind {
    case "lora":
      [
        .init("glora_\(name).Xd", [rows, "r"], untrained: .zeros),
        .init("glora_\(name).Xu", ["r", columns ?? 1]),
      ]
    case "vector":
      [.init("glora_\(name).X", columns == nil ? [rows] : [rows, 1], untrained: .zeros)]
    case "constant": [.init("glora_\(name).X", [1], untrained: .zeros)]
    default: [.init("glora_\(name).zeros", [rows] + (columns.map { [$0] } ?? []))]
    }
  }
}
