// SPDX-License-Identifier: Apache-2.0

/// LoHa: a module's change is the product, element by element, of two low-rank products.
public struct LoHaMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "LOHA") }
  public var parameterPrefix: String { "hada_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 8, pattern: "rank_pattern")] }
  public var alphaKey: String? { "alpha" }
  public var isScaledByRank: Bool { true }
  public var rules: [ConfigRule] { [.layersPatternNeedsLayers] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let channels: Extent = "in" / "groups"
    let flat = [
      ModuleForm(.linear, tensors: Self.factors(inputs: "in")),
      ModuleForm(.convolution(1), tensors: Self.factors(inputs: channels * "k")),
      ModuleForm(.convolution(2), tensors: Self.factors(inputs: channels * "k" * "k'")),
    ]
    guard config.flag("use_effective_conv2d", default: false) else { return flat }
    // PEFT keeps the flat factors for kernels of one element.
    return [
      ModuleForm(.linear, tensors: Self.factors(inputs: "in")),
      ModuleForm(.convolution(1), tensors: Self.factors(kernel: ["k", 1])) {
        $0.isPointwise(1).map { !$0 }
      },
      ModuleForm(.convolution(2), tensors: Self.factors(kernel: ["k", "k'"])) {
        $0.isPointwise(2).map { !$0 }
      },
      ModuleForm(.convolution(1), tensors: Self.factors(inputs: channels)) { $0.isPointwise(1) },
      ModuleForm(.convolution(2), tensors: Self.factors(inputs: channels)) { $0.isPointwise(2) },
    ]
  }

  /// Two pairs of factors of a matrix.
  private static func factors(inputs: Extent) -> [ModuleTensor] {
    [
      .init("hada_w1_a", ["out", "r"]), .init("hada_w1_b", ["r", inputs]),
      .init("hada_w2_a", ["out", "r"]), .init("hada_w2_b", ["r", inputs], untrained: .zeros),
    ]
  }

  /// Two cores with a kernel, and two pairs of factors.
  private static func factors(kernel: [Extent]) -> [ModuleTensor] {
    ["1", "2"].flatMap { (number: String) -> [ModuleTensor] in
      [
        .init("hada_t\(number)", ["r", "r"] + kernel), .init("hada_w\(number)_a", ["r", "out"]),
        .init(
          "hada_w\(number)_b", ["r", "in" / "groups"], untrained: number == "2" ? .zeros : nil),
      ]
    }
  }
}
