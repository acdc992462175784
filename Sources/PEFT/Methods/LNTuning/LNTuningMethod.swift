// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// LN tuning: modules, normalization layers as a rule, are trained and saved whole.
public struct LNTuningMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "LN_TUNING") }
  public var parameterPrefix: String { "ln_tuning_" }

  public var rules: [ConfigRule] { [Self.savedText(.error), Self.savedText(.note)] }

  /// PEFT takes a text in `modules_to_save` for a list of its letters, and trains every module whole
  /// whose name ends with one of them. A module of its own that does stops it.
  private static func savedText(_ severity: Finding.Severity) -> ConfigRule {
    ConfigRule("modules_to_save", severity: severity) { config in
      guard let text = config.document["modules_to_save"]?.string, !text.isEmpty else { return nil }
      let targets = (config.document["target_modules"]?.array ?? []).compactMap(\.string)
      let own = (["base_layer", "ln_tuning_layers", "default"] + targets).compactMap(\.last)
      let stops = text.contains { own.contains($0) }
      guard stops == (severity == .error) else { return nil }
      return
        "\"modules_to_save\" is a string, of which PEFT takes each letter for the end of a module's name"
        + (stops ? ", also of modules that it has made itself" : "") + ": give a list"
    }
  }

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
