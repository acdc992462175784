// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
internal import Tensors

extension ModuleMethod {
  /// Variants of the method, the sizes that modules have, other keys, α and scale, the kinds of
  /// modules, and what is trained besides: `DoRA`, `r 4 to 16, mostly 8`, `α 16`, `scale 2`,
  /// `24 modules (q_proj 12, v_proj 12)`, `12 layers`, `3 trained tokens`, `lm_head whole`.
  public func summary(of config: AdapterConfig, weights: any TensorArchive) -> [String] {
    let modules = config.summarizedModules(in: weights)
    var values = ModuleSizes(moduleSizes, of: config, matching: patternMatching)
    var tallies = moduleSizes.map { _ in ValueTally() }
    // Without modules in the file, the config's own sizes are those that no pattern changes.
    let sized = modules.isEmpty ? [""] : modules
    for module in sized {
      let sizes = values.values(for: module)
      for (place, size) in moduleSizes.enumerated() {
        if let value = sizes[size.symbol], value != 0 { tallies[place].add(Double(value)) }
      }
    }
    let sizes = zip(moduleSizes, tallies).enumerated().compactMap { place, pair -> String? in
      let (size, tally) = pair
      // Most configs leave sizes other than the first as they are.
      let isUsual = place > 0 && tally.isConstant(size.defaultValue)
      return isUsual ? nil : tally.description.map { "\(size.key) \($0)" }
    }
    let keys = summaryKeys.compactMap { $0.text(of: config) }
    // Some methods, or some of their configs, have no tensors of modules.
    let hasModules = !modules.isEmpty || !moduleForms(for: config).isEmpty
    return config.variantNames + sizes + keys + scales(of: sized, config)
      + (hasModules ? ModuleKinds(modules).parts : []) + config.alsoTrained
  }

  /// α, and the scale of modules for methods in which it follows from α and r.
  private func scales(of modules: [String], _ config: AdapterConfig) -> [String] {
    guard let alphaKey else { return [] }
    guard isScaledByRank else {
      return config.document[alphaKey]?.number.map { ["α \(ValueTally.text($0))"] } ?? []
    }
    var scales = LoRAScales(config, alphaKey: alphaKey)
    var (alphas, factors) = (ValueTally(), ValueTally())
    for module in modules {
      guard let scale = scales.scale(of: module) else { continue }
      alphas.add(scale.alpha)
      factors.add(scale.scale)
    }
    return [("α", alphas), ("scale", factors)].compactMap { name, tally in
      tally.description.map { "\(name) \($0)" }
    }
  }
}

extension AdapterConfig {
  /// The keys that make a variant of a method, and its name.
  private static let variants = [
    ("use_dora", "DoRA"), ("use_rslora", "rsLoRA"), ("lora_bias", "with biases"),
    ("use_qalora", "QALoRA"), ("use_bdlora", "BD-LoRA"), ("alora_invocation_tokens", "aLoRA"),
    ("arrow_config", "Arrow"), ("velora_config", "VeLoRA"), ("monteclora_config", "MonteCLoRA"),
    ("kasa_config", "KaSA"), ("layer_replication", "replicated layers"),
  ]

  fileprivate var variantNames: [String] {
    Self.variants.compactMap { key, name in
      guard let value = document[key] else { return nil }
      return value.isTruthy || value.object != nil ? name : nil
    }
  }

  /// The most saved modules that are named.
  private static let mostSaved = 4

  /// What is trained beside the method's modules: rows of embeddings, and modules as a whole.
  fileprivate var alsoTrained: [String] {
    var parts: [String] = []
    if let value = document["trainable_token_indices"] {
      let lists = value.object?.map(\.value) ?? [value]
      let count = lists.reduce(0) { $0 + ($1.array?.count ?? 0) }
      if count > 0 { parts.append(count.counted("trained token")) }
    }
    let saved = (document["modules_to_save"]?.array ?? []).compactMap(\.string)
    guard !saved.isEmpty else { return parts }
    let rest = saved.count - Self.mostSaved
    let names = saved.prefix(Self.mostSaved).map(\.excerpt).joined(separator: " and ")
    return parts + [names + (rest > 0 ? " and \(rest) more" : "") + " whole"]
  }

  /// The adapted modules; in place of one whose parameters are adapted, these.
  fileprivate func summarizedModules(in weights: any TensorArchive) -> [String] {
    let modules = adaptedModules(in: weights)
    let parameters = (document["target_parameters"]?.array ?? []).compactMap(\.string)
    guard !parameters.isEmpty else { return modules }
    let parents = Set(
      modules.compactMap { module -> UTF8Text? in
        let isParameter = parameters.contains { module == $0 || module.hasSuffix("." + $0) }
        return isParameter ? module.lastIndex(of: ".").map { UTF8Text(String(module[..<$0])) } : nil
      })
    return modules.filter { !parents.contains(UTF8Text($0)) }
  }
}
