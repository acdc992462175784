// SPDX-License-Identifier: Apache-2.0

/// LN tuning: modules, normalization layers as a rule, are trained and saved whole.
public struct LNTuningMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "LN_TUNING") }
  public var parameterPrefix: String { "ln_tuning_" }

  public var copyPrefix: String? { "ln_tuning_layers." }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let weight = "ln_tuning_layers.weight"
    let bias = ModuleTensor("ln_tuning_layers.bias", ["out"], isOptional: true)
    let kernels: [[Extent]] = [["k"], ["k", "k'"], ["k", "k'", "k''"]]
    return [
      ModuleForm(.normalization, tensors: [.init(weight, ["out"]), bias]),
      ModuleForm(.linear, tensors: [.init(weight, ["out", "in"]), bias]),
      // transformers' Conv1D
      ModuleForm(.linear, tensors: [.init(weight, ["in", "out"]), bias]),
      ModuleForm(.embedding, tensors: [.init(weight, ["vocab", "out"])]),
    ]
      + kernels.map {
        ModuleForm(
          .convolution($0.count), tensors: [.init(weight, ["out", "in" / "groups"] + $0), bias])
      }
  }
}
