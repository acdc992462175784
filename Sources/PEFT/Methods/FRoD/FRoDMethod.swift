// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// FRoD: a rotation that the modules of one role share, with a scale for each of its directions and a
/// few more elements for each module.
///
/// The role of a module is its name and that of its parent, without the number of the layer.
public struct FRoDMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "FROD") }
  public var parameterPrefix: String { "frod_" }
  public var rules: [ConfigRule] {
    [
      .number("sparse_rate", "at least 0 and at most 1") { $0 >= 0 && $0 <= 1 },
      .layersPatternNeedsLayers, .bias,
    ]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    [
      ModuleForm(
        .linear,
        tensors: [
          .init("frod_lambda_l", ["in"]),
          .init("frod_lambda_s_values", [Self.elementCount(config)], untrained: .zeros),
        ])
    ]
  }

  public func sharedTensors(
    for config: AdapterConfig, modules: [AdaptedModule]
  ) -> [ExpectedTensor] {
    guard config.savesProjection else { return [] }
    var seen: Set<UTF8Text> = []
    return modules.flatMap { module -> [ExpectedTensor] in
      let role = Self.role(of: module.name)
      guard seen.insert(UTF8Text(role)).inserted else { return [] }
      let inputs = Extent("in", value: module.values["in"])
      let count = Self.elementCount(config)
      return [
        ExpectedTensor(TensorName("base_model.frod_V.\(role)"), shape: [inputs, inputs]),
        ExpectedTensor(
          TensorName("base_model.frod_s_indices.\(role)"),
          shape: [2, Extent(count.symbol, value: count.value(in: module.values))], isInteger: true),
        ExpectedTensor(
          TensorName("base_model.frod_s_size.\(role)"), shape: [2], isInteger: true),
      ]
    }
  }

  /// How many elements off the diagonal a module has.
  private static func elementCount(_ config: AdapterConfig) -> Extent {
    let rate = config.number("sparse_rate", default: 0.01)
    return Extent("in² · sparse_rate") { values in
      guard let rate, rate >= 0, let inputs = values["in"], inputs >= 1 else { return nil }
      let (elements, overflow) = inputs.multipliedReportingOverflow(by: inputs)
      guard !overflow,
        let count = Int(exactly: (Double(elements) * rate).rounded(.towardZero))
      else { return nil }
      let most = elements - inputs
      return rate > 0 && most > 0 ? max(1, min(count, most)) : min(count, most)
    }
  }

  /// The role of a module: `self_attn_q_proj` of `model.layers.0.self_attn.q_proj`.
  static func role(of module: String) -> String {
    let parts = module.components
    guard parts.count > 1 else { return module }
    let name = parts[parts.count - 1], parent = parts[parts.count - 2]
    if !parent.isEmpty && parent.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return String(name)
    }
    if parent == "output" && name == "dense" && parts.count > 2
      && parts[parts.count - 3] == "attention"
    {
      return "attention_output"
    }
    return "\(parent)_\(name)"
  }
}
