// SPDX-License-Identifier: Apache-2.0

/// C3A: a module's change is a matrix of circulant blocks, each given by a vector.
public struct C3AMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "C3A") }
  public var parameterPrefix: String { "c3a_" }
  public var adaptsTransposedLayers: Bool { false }
  public var patternMatching: ModulePattern.Matching { .submodule }
  public var moduleSizes: [ModuleSize] {
    [ModuleSize("b", key: "block_size", default: 256, pattern: "block_size_pattern")]
  }
  public var rules: [ConfigRule] {
    [.layersNeedTargetList, .layersPatternNeedsTargetList, .bias]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear, tensors: [.init("c3a_kernel", ["out" / "b", "in" / "b", "b"], untrained: .zeros)])
    ]
  }
}
