// SPDX-License-Identifier: Apache-2.0

/// FourierFT: a module's change is the inverse Fourier transform of a few coefficients, whose places
/// follow from a seed.
public struct FourierFTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "FOURIERFT") }
  public var parameterPrefix: String { "fourierft_" }
  public var patternMatching: ModulePattern.Matching { .submodule }
  public var moduleSizes: [ModuleSize] {
    [ModuleSize("n_frequency", default: 1000, pattern: "n_frequency_pattern")]
  }
  public var rules: [ConfigRule] { ConfigRule.layerSelection + [.bias] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear, tensors: [.init("fourierft_spectrum", ["n_frequency"], untrained: .zeros)])
    ]
  }
}
