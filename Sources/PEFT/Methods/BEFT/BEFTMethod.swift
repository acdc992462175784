// SPDX-License-Identifier: Apache-2.0

/// BEFT: a bias that is added to the outputs of a module.
public struct BEFTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "BEFT") }
  public var parameterPrefix: String { "beft_" }
  public var adaptsTransposedLayers: Bool { false }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [ModuleForm(.linear, tensors: [.init("beft_bias", [1, "out"], untrained: .zeros)])]
  }
}
