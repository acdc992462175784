// SPDX-License-Identifier: Apache-2.0

/// Adaption prompt (LLaMA-Adapter): the last blocks of attention get a prompt, which a gate lets in.
///
/// PEFT matches names without the adapter's name, and says nothing about those that are missing.
public struct AdaptionPromptMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "ADAPTION_PROMPT") }
  public var parameterPrefix: String { "adaption_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("adapter_len", default: nil)] }
  public var rules: [ConfigRule] {
    [.required("adapter_len"), .required("adapter_layers"), .atLeast(1, "adapter_layers")]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .block,
        tensors: [
          .init("adaption_prompt", [1, "adapter_len", "hidden_size"]),
          .init("adaption_gate", [1], untrained: .zeros),
        ])
    ]
  }
}
