// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// Lays out the tensors of an adapter under names with underscores (spec/kohya.md, KO10).
struct UnderscoredWriter {
  /// The name of the home, for errors.
  let home: String
  /// The dtype of the factors; nil for that of the source.
  let dtype: DType?
  private(set) var tensors: [ComposedTensor] = []
  private(set) var isExact = true
  private(set) var hasMagnitudes = false
  private(set) var alphas: Set<Double> = []
  private var modules: [String: String] = [:]

  init(home: String, dtype: DType?) {
    self.home = home
    self.dtype = dtype
  }

  /// Adds the modules of an adapter.
  ///
  /// - Parameters:
  ///   - prefix: what the names start with.
  ///   - isTextEncoder: whether names get `text_model` in front, as the tools expect.
  /// - Throws: `unsupported` for what the files cannot hold.
  mutating func add(
    _ adapter: LowRankAdapter, prefix: String, isTextEncoder: Bool
  ) throws(CheckpointError) {
    if let type = try adapter.config?.peftType, type != .lora {
      let factors = try FactorWriter(adapter, isForLyCORIS: home == "lycoris")
      for module in factors.modules {
        let name = try name(module.name, prefix, isTextEncoder, adapter)
        alphas.insert(module.alpha)
        tensors.append(AlphaTensor.tensor(name + ".alpha", module.alpha))
        for (leaf, view, factor) in module.tensors { add(name, leaf, view, factor: factor) }
      }
      return
    }
    try HeldModules.check(adapter, of: home, holdsBias: false)
    for module in adapter.modules {
      let name = try name(module.name, prefix, isTextEncoder, adapter)
      let alpha = try AlphaTensor.value(of: module.scale, module: module.name)
      alphas.insert(alpha)
      isExact = isExact && alpha / Double(module.scale.rank) == module.scale.scale
      tensors.append(AlphaTensor.tensor(name + ".alpha", alpha))
      if let magnitude = module.magnitude {
        hasMagnitudes = true
        let ones = Array(repeating: 1, count: module.a.sizes.count - 1)
        add(name, "dora_scale", magnitude, shape: magnitude.sizes + ones)
      }
      add(name, "lora_down.weight", module.a)
      add(name, "lora_up.weight", module.b)
    }
  }

  private mutating func add(
    _ name: String, _ leaf: String, _ view: FactorView, shape: [Int]? = nil, factor: Double = 1
  ) {
    let written = dtype ?? view.dtype
    isExact = isExact && written == view.dtype && factor == 1
    tensors.append(
      ComposedTensor("\(name).\(leaf)", view, dtype: written, shape: shape, factor: factor))
  }

  /// The name of a module in the file.
  private mutating func name(
    _ module: String, _ prefix: String, _ isTextEncoder: Bool, _ adapter: LowRankAdapter
  ) throws(CheckpointError) -> String {
    let full = isTextEncoder ? TextModelName.with(module) : module
    let name = prefix + UnderscoredNames.underscored(full)
    if let other = modules.updateValue(module, forKey: name) {
      throw CheckpointError(
        .unsupported,
        "\(other.printable) and \(module.printable) have the same name with underscores for dots",
        path: adapter.path)
    }
    return name
  }
}
