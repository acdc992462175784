// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// PEFT's conversion of a config whose targets were modules of single experts, which newer releases
/// of transformers have as stacked parameters (spec/base-model.md, P18).
struct ExpertTargets {
  private let mapping: [(module: String, parameter: String)]

  init(_ family: String) {
    mapping = ModelClasses.expertTargets(of: family)
  }

  /// Parameters that several former modules were joined into, with those modules.
  private var fused: [(parameter: String, modules: [String])] {
    var seen: [String] = []
    for (_, parameter) in mapping where !seen.contains(parameter) { seen.append(parameter) }
    return seen.compactMap { parameter in
      let modules = mapping.filter { $0.parameter == parameter }.map(\.module)
      return modules.count > 1 ? (parameter, modules) : nil
    }
  }

  /// Converts a config, in which the parameters take the place of the modules; those that were joined
  /// have the sum of ranks and of α.
  ///
  /// - Returns: the targets that remain, or why PEFT refuses the config.
  func convert(
    _ config: inout AdapterConfig, targets: TargetNames?, tree: ModuleTree
  ) -> (targets: TargetNames?, refusal: String?) {
    guard !mapping.isEmpty else { return (targets, nil) }
    var names: [String] = []
    switch targets {
    case .list(let list)?: names = list
    case .expression?:
      names = resolve(targets, config: config, tree: tree)
      guard !names.isEmpty else { return (targets, nil) }
    case nil: break
    }
    var parameters = (config.document["target_parameters"]?.array ?? []).compactMap(\.string)
    var remaining: [String] = []
    var present: [String: Set<String>] = [:]
    for name in names {
      guard
        let (module, parameter) = mapping.first(where: {
          name == $0.module || name.hasSuffix("." + $0.module)
        })
      else {
        remaining.append(name)
        continue
      }
      if !parameters.contains(parameter) { parameters.append(parameter) }
      present[parameter, default: []].insert(module)
    }
    for (parameter, modules) in fused {
      let found = present[parameter] ?? []
      guard !found.isEmpty else { continue }
      let missing = modules.filter { !found.contains($0) }
      guard missing.isEmpty else {
        return (
          nil,
          "\"target_modules\" has \(found.sorted().joined(separator: " and ")) without "
            + "\(missing.joined(separator: " and ")); the base model has both as one parameter, "
            + parameter
        )
      }
      set("rank_pattern", parameter, config.document["r"] ?? 8, modules.count, in: &config)
      set(
        "alpha_pattern", parameter, config.document["lora_alpha"] ?? 8, modules.count, in: &config)
    }
    config.document["target_parameters"] = .array(parameters.map { .string($0) })
    return (.list(remaining), nil)
  }

  private func set(
    _ key: String, _ parameter: String, _ value: JSONValue, _ count: Int,
    in config: inout AdapterConfig
  ) {
    var patterns = config.document[key]?.object ?? JSONObject()
    if let number = value.integer {
      let (product, overflow) = number.multipliedReportingOverflow(by: count)
      guard !overflow else { return }
      patterns[".*\\.\(parameter)"] = JSONValue(product)
    } else if let number = value.number {
      patterns[".*\\.\(parameter)"] = .float(number * Double(count))
    }
    config.document[key] = .object(patterns)
  }

  /// The last components of the modules and parameters that a string selects, the former modules
  /// among them.
  private func resolve(
    _ targets: TargetNames?, config: AdapterConfig, tree: ModuleTree
  ) -> [String] {
    guard let targets else { return [] }
    func last(_ path: String) -> String { String(path.split(separator: ".").last ?? "") }
    if targets.isAllLinear {
      let linear = tree.modules.filter {
        ($0.kind == .linear || $0.kind == .transposedLinear) && $0.name != tree.outputEmbedding
      }
      return Array(Set(linear.map { last($0.name) } + mapping.map(\.module)))
    }
    let matcher = TargetMatcher(targets)
    let saved = SavedModuleMatcher((try? config.savedModules) ?? [])
    let excluded = TargetNames(config.document["exclude_modules"])
      .flatMap { $0.isEmpty ? nil : TargetMatcher($0) }
    var budget = ModulePatterns.largestBudget
    func isTarget(_ path: String) -> Bool {
      if case .path? = excluded?.match(path, budget: &budget) { return false }
      if case .ending? = excluded?.match(path, budget: &budget) { return false }
      guard !saved.excludes(path, budget: &budget) else { return false }
      if case .path = matcher.match(path, budget: &budget) { return true }
      return false
    }
    var found: Set<String> = []
    var containers: [String: [String]] = [:]
    for module in tree.modules {
      if isTarget(module.name) { found.insert(last(module.name)) }
      for parameter in module.parameters {
        let path = module.name + "." + parameter.name
        if isTarget(path) { found.insert(parameter.name) }
        containers[parameter.name, default: []].append(module.name)
      }
    }
    for (module, parameter) in mapping where !found.contains(module) {
      if containers[parameter]?.contains(where: { isTarget("\($0).\(module)") }) == true {
        found.insert(module)
      }
    }
    return Array(found)
  }
}
