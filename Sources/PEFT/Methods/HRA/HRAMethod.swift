// SPDX-License-Identifier: Apache-2.0

/// HRA: a chain of Householder reflections of the inputs, one for each column.
public struct HRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "HRA") }
  public var parameterPrefix: String { "hra_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 8)] }
  public var rules: [ConfigRule] { ConfigRule.layerSelection + [.bias] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(.linear, tensors: [.init("hra_u", ["in", "r"])]),
      ModuleForm(.convolution(2), tensors: [.init("hra_u", ["in" * "k" * "k", "r"])]),
    ]
  }
}
