// SPDX-License-Identifier: Apache-2.0

/// LoRA: a module's change is `scale · B · A`, two factors of a low rank.
///
/// spec/adapter-methods.md has the rules of its tensors; ``LoRAScales`` has its scales.
public struct LoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { .lora }
  public var parameterPrefix: String { "lora_" }

  public var moduleSizes: [ModuleSize] {
    [ModuleSize("r", default: 8, pattern: "rank_pattern")]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("lora_A.weight", ["r", "in"]),
          .init("lora_B.weight", ["out", "r"], untrained: .zeros),
        ]),
      ModuleForm(
        .embedding,
        tensors: [
          .init("lora_embedding_A", ["r", "vocab"], untrained: .zeros),
          .init("lora_embedding_B", ["out", "r"]),
        ]),
      Self.convolution(kernel: ["k"]),
      Self.convolution(kernel: ["k", "k'"]),
      Self.convolution(kernel: ["k", "k'", "k''"]),
    ]
  }

  /// A convolution: A has its kernel, and B its groups.
  private static func convolution(kernel: [Extent]) -> ModuleForm {
    let ones = kernel.map { _ in Extent(integerLiteral: 1) }
    return ModuleForm(
      .convolution(kernel.count),
      tensors: [
        .init("lora_A.weight", ["r", "in"] + kernel),
        .init("lora_B.weight", ["out", "r" / "groups"] + ones, untrained: .zeros),
      ])
  }
}

extension PEFTType {
  /// LoRA.
  public static let lora = PEFTType(rawValue: "LORA")
}
