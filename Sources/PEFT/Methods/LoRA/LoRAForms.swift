// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// The tensors of LoRA and its variants, by kind of layer.
struct LoRAForms {
  /// A symbol of modules that hold a parameter of `target_parameters`.
  static let parameterMark = "target_parameters"

  private let config: AdapterConfig
  private var document: JSONObject { config.document }

  init(_ config: AdapterConfig) {
    self.config = config
  }

  /// All forms that a config can have.
  var all: [ModuleForm] {
    let linear = [linear(a: "in", b: "r")] + quantized + blockDiagonal
    return linear + [embedding]
      + [["k"], ["k", "k'"], ["k", "k'", "k''"]].map { convolution(kernel: $0) } + [experts]
  }

  /// Whether a module itself is adapted, and not its parameters.
  private static let isModule: @Sendable (ExtentValues) -> Bool? = { $0[parameterMark] == nil }

  private func isOn(_ key: String) -> Bool { config.flag(key, default: false) }

  /// Whether a variant has an object of settings, and no null.
  private func has(_ key: String) -> Bool { document[key]?.object != nil }

  /// MiCA trains A, the others B, from zero.
  private var trainsA: Bool { document["init_lora_weights"]?.string?.lowercased() == "mica" }

  private func linear(a columns: Extent, b rank: Extent) -> ModuleForm {
    var tensors: [ModuleTensor] = [
      .init("lora_A.weight", ["r", columns], untrained: trainsA ? .zeros : nil),
      // The router of Arrow is saved with factors that it does not use.
      .init(
        "lora_B.weight", ["out", rank],
        untrained: trainsA || has("arrow_config") ? nil : .zeros),
    ]
    tensors += bias + magnitude(["out"]) + variants
    return ModuleForm(.linear, .attention, tensors: tensors, applies: Self.isModule)
  }

  /// QALoRA pools the inputs of quantized layers.
  private var quantized: [ModuleForm] {
    guard isOn("use_qalora") else { return [] }
    let size = document["qalora_group_size"].map { $0.integer } ?? 16
    return [linear(a: "in" / Extent("qalora_group_size", value: size), b: "r")]
  }

  /// BD-LoRA has a factor of blocks on the diagonal, B's or A's.
  private var blockDiagonal: [ModuleForm] {
    guard let settings = document["use_bdlora"]?.object else { return [] }
    let blocks = Extent("nblocks", value: settings["nblocks"].map { $0.integer } ?? 1)
    return [linear(a: "in", b: "r" / blocks), linear(a: "in" / blocks, b: "r")]
  }

  private var embedding: ModuleForm {
    ModuleForm(
      .embedding,
      tensors: [
        .init("lora_embedding_A", ["r", "vocab"], untrained: trainsA ? nil : .zeros),
        .init("lora_embedding_B", ["out", "r"], untrained: trainsA ? .zeros : nil),
      ] + magnitude(["out"]), applies: Self.isModule)
  }

  /// A convolution: A has its kernel, and B its groups.
  private func convolution(kernel: [Extent]) -> ModuleForm {
    let ones = kernel.map { _ in Extent(integerLiteral: 1) }
    return ModuleForm(
      .convolution(kernel.count),
      tensors: [
        .init("lora_A.weight", ["r", "in"] + kernel),
        .init("lora_B.weight", ["out", "r" / "groups"] + ones, untrained: .zeros),
      ] + bias + magnitude([1, "out"] + ones), applies: Self.isModule)
  }

  /// A parameter of all experts; one of two dimensions is that of a single expert.
  private var experts: ModuleForm {
    ModuleForm(
      .experts,
      tensors: [
        .init("lora_A.weight", ["experts" * "r", "in"]),
        .init("lora_B.weight", ["out", "experts" * "r"], untrained: .zeros),
      ]
    ) { $0[Self.parameterMark] != nil }
  }

  private var bias: [ModuleTensor] {
    isOn("lora_bias") ? [.init("lora_B.bias", ["out"])] : []
  }

  private func magnitude(_ shape: [Extent]) -> [ModuleTensor] {
    guard isOn("use_dora") else { return [] }
    return [.init("lora_magnitude_vector", shape, otherName: "lora_magnitude_vector.weight")]
  }

  /// The tensors of variants that train more than the factors.
  private var variants: [ModuleTensor] {
    var tensors: [ModuleTensor] = []
    if has("kasa_config") { tensors.append(.init("lora_diag", ["r"])) }
    if let settings = document["velora_config"]?.object {
      let groups = settings["num_groups"].map { $0.integer ?? 0 } ?? 64
      let width = Extent("⌈in / num_groups⌉") { values in
        values["in"].flatMap { groups >= 1 ? ($0 - 1) / groups + 1 : nil }
      }
      tensors.append(.init("lora_velora_embed", [width]))
    }
    if let settings = document["monteclora_config"]?.object {
      let samples = Extent("num_samples", value: settings["num_samples"].map { $0.integer } ?? 8)
      let sampler = "lora_monteclora_sampler."
      tensors += [
        .init(sampler + "std_prior", ["r"]),
        .init(sampler + "expert_weights_prior", [samples]),
        .init(sampler + "gaussian_var_prior", ["r", "r"]),
        .init(sampler + "expert_weights", [samples]),
      ]
    }
    return tensors
  }
}
