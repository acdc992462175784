// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Tensors

/// RandLoRA: scaled sums of random factors that all modules share, as many as a full rank takes.
///
/// PEFT saves the shared factors once for the model, and again with each module.
public struct RandLoRAMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "RANDLORA") }
  public var parameterPrefix: String { "randlora_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 32)] }
  public var alphaKey: String? { "randlora_alpha" }
  public var rules: [ConfigRule] { [.bias] }

  public var tensorKeys: [String: String] {
    ["randlora_A": "save_projection", "randlora_B": "save_projection"]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let shorter = Extent("min(in, out)") { values in
      values["in"].flatMap { inputs in values["out"].map { min(inputs, $0) } }
    }
    let bases = Extent("⌈min(in, out) / r⌉") { values in
      shorter.value(in: values).flatMap { Self.baseCount($0, values["r"]) }
    }
    let own: [ModuleTensor] = [
      .init("randlora_gamma", [bases, shorter]),
      .init("randlora_lambda", ["r", bases], untrained: .zeros),
    ]
    let shared: [ModuleTensor] = [
      .init("randlora_A", ["r", 1, "shorter side"]),
      .init("randlora_B", ["longer side", "bases", "r"]),
    ]
    return [
      ModuleForm(.linear, tensors: config.savesProjection ? own + shared : own) { values in
        guard let side = shorter.value(in: values), let count = values[bases.symbol] else {
          return nil
        }
        return Self.baseCount(side, values["r"]).map { $0 == count }
      }
    ]
  }

  public func sharedTensors(
    for config: AdapterConfig, modules: [AdaptedModule]
  ) -> [ExpectedTensor] {
    guard config.savesProjection else { return [] }
    let rank = Extent("r", value: config.integer("r", default: 32))
    let inputs = modules.largest("in").value(in: [:])
    let outputs = modules.largest("out").value(in: [:])
    let sides = inputs.flatMap { inputs in outputs.map { (min(inputs, $0), max(inputs, $0)) } }
    let bases = sides.flatMap { Self.baseCount($0.0, rank.value(in: [:])) }
    return [
      ExpectedTensor(
        "base_model.randlora_A", shape: [rank, 1, Extent("shorter side", value: sides?.0)]),
      ExpectedTensor(
        "base_model.randlora_B",
        shape: [Extent("longer side", value: sides?.1), Extent("bases", value: bases), rank]),
    ]
  }

  /// The copies in modules have the shapes of the shared factors.
  public func weightFindings(
    of weights: any TensorArchive, for config: AdapterConfig?
  ) -> [Finding] {
    ["randlora_A", "randlora_B"].flatMap { factor -> [Finding] in
      let shared = TensorName("base_model.\(factor)")
      guard let index = weights.index(of: shared) else { return [] }
      let shape = weights.tensor(at: index).shape
      let copies = weights.tensors.filter {
        $0.name != shared && $0.name.string.hasSuffix(".\(factor)")
      }
      if copies.count > 1, let usual = copies.first?.shape, usual != shape,
        copies.allSatisfy({ $0.shape == usual })
      {
        return [Self.difference(weights.tensor(at: index), from: copies[0])]
      }
      return copies.filter { $0.shape != shape }.map {
        Self.difference($0, from: weights.tensor(at: index))
      }
    }
  }

  private static func difference(_ tensor: TensorInfo, from other: TensorInfo) -> Finding {
    Finding(
      .error, "shape-mismatch",
      "\(tensor.name) has the shape \(tensor.shape), but \(other.name), the same factor, has "
        + "\(other.shape)", tensor: tensor.name)
  }

  /// How many factors of the rank a full rank takes.
  private static func baseCount(_ side: Int, _ rank: Int?) -> Int? {
    guard let rank, rank >= 1, side >= 1 else { return nil }
    return (side - 1) / rank + 1
  }
}
