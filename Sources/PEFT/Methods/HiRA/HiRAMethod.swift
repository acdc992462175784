// SPDX-License-Identifier: Apache-2.0

/// HiRA: a module's change is its weight times, element by element, the product of two factors.
///
/// PEFT ignores `rank_pattern` when it creates the adapter: every module has the rank `r`.
public struct HiRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "HIRA") }
  public var parameterPrefix: String { "hira_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 32)] }
  public var rules: [ConfigRule] { [.layersNeedTargetList, .layersPatternNeedsTargetList] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let kernels: [[Extent]] = [["k"], ["k", "k'"], ["k", "k'", "k''"]]
    return [
      ModuleForm(.linear, tensors: Self.factors(kernel: [])),
      ModuleForm(
        .embedding,
        tensors: [
          .init("hira_embedding_A", ["r", "vocab"], untrained: .zeros),
          .init("hira_embedding_B", ["out", "r"]),
        ]),
    ] + kernels.map { ModuleForm(.convolution($0.count), tensors: Self.factors(kernel: $0)) }
  }

  private static func factors(kernel: [Extent]) -> [ModuleTensor] {
    [
      .init("hira_A", ["r", "in"] + kernel),
      .init("hira_B", ["out", "r"] + kernel.map { _ in 1 }, untrained: .zeros),
    ]
  }
}
