// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
internal import Tensors

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
    [.atLeast(1, "adapter_layers")]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .block,
        tensors: [
          .init(
            "adaption_prompt", [1, "adapter_len", "hidden_size"], isTakenByNameInModel: false),
          .init("adaption_gate", [1], untrained: .zeros, isTakenByNameInModel: false),
        ])
    ]
  }

  /// PEFT adapts the last blocks, as many as `adapter_layers`.
  public func weightFindings(
    of weights: any TensorArchive, for config: AdapterConfig?
  ) -> [Finding] {
    let prompts = weights.tensors.map(\.name).filter { $0.string.hasSuffix(".adaption_prompt") }
    if let target = config?.document["target_modules"]?.string,
      let other = prompts.first(where: { !$0.string.hasSuffix(target + ".adaption_prompt") })
    {
      return [
        Finding(
          .error, "untargeted-module",
          "\"target_modules\" does not select the block of \(other): PEFT refuses the adapter, or ignores "
            + "the tensor", key: "target_modules", tensor: other)
      ]
    }
    guard let layers = config?.integer("adapter_layers", default: nil) else { return [] }
    let count = prompts.count
    guard count > 0, count != layers else { return [] }
    return [
      Finding(
        .error, count < layers ? "missing-tensor" : "unexpected-tensor",
        "the weights have prompts for \(count) blocks, but \"adapter_layers\" is \(layers): PEFT "
          + (count < layers ? "leaves the others at their fresh values" : "ignores the others"),
        key: "adapter_layers")
    ]
  }
}
