// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// Another value of one key of a config, to see whether PEFT would load the whole adapter with it
/// (spec/base-model.md, P31).
struct ConfigTrial: Sendable {
  let key: String
  /// The value; nil for a config without the key.
  let value: JSONValue?
  /// Whether the value itself is known, rather than only what it selects.
  var isExact = true

  /// The config with the value.
  func applied(to config: AdapterConfig) -> AdapterConfig {
    var document = config.document
    if let value {
      document[key] = value
    } else {
      document.removeValue(forKey: key)
    }
    return AdapterConfig(document: document)
  }

  /// What the trial shows, for the end of a message.
  var advice: String {
    guard let value else { return "; without \"\(key)\" in the config, PEFT loads every tensor" }
    guard isExact else { return "; the tensors are those of a config with another \"\(key)\"" }
    return "; with \"\(key)\": \(value.description), PEFT loads every tensor"
  }
}

/// The trials that are worth making for an adapter: what its tensors tell about the keys that choose
/// modules and sizes, each flag turned over, and the default of each other key.
struct ConfigTrials {
  private let builder: BindingBuilder
  private let document: JSONObject
  private let defaults: JSONObject
  /// The modules that the adapter has tensors for.
  private let modules: [String]

  init(_ builder: BindingBuilder, _ config: AdapterConfig, modules: [AttachedModule]) {
    self.builder = builder
    document = config.document
    defaults = MethodFields(builder.rules.type)?.defaults ?? JSONObject()
    var names: [String] = []
    for module in modules {
      var path = module.name.components
      path.removeAll { $0 == "base_layer" }
      let name = path.dotted
      if names.last != name { names.append(name) }
    }
    self.modules = names
  }

  /// The trials, likeliest first.
  ///
  /// - Complexity: O(modules · forms + tensors).
  var trials: [ConfigTrial] {
    let choices: [ConfigTrial] =
      savedModules + layers + tokens + parameters + replications + sizes + counts + lists
    let trials = choices + flags + defaultValues + targets
    return trials.filter { defaults[$0.key] != nil && document[$0.key] != $0.value }
  }

  private func isSet(_ key: String) -> Bool { !(document[key] ?? .null).isNull }

  private func without(_ keys: String...) -> [ConfigTrial] {
    keys.filter(isSet).map { ConfigTrial(key: $0, value: nil) }
  }

  /// Modules of which the file has the base model's own weights.
  private var savedModules: [ConfigTrial] {
    var found: [String] = []
    for index in 0..<builder.weights.tensorCount {
      let name = builder.weights.tensor(at: index).name.string
      guard name.hasPrefix(builder.rules.modelPrefix), let dot = name.lastIndex(of: ".") else {
        continue
      }
      let module = String(name[..<dot].dropFirst(builder.rules.modelPrefix.count))
      if builder.tree[module] != nil, found.last != module { found.append(module) }
    }
    let listed = (document["modules_to_save"]?.array ?? []).compactMap(\.string)
    return [ConfigTrial(key: "modules_to_save", value: Self.list(listed + found))]
      + without("modules_to_save")
  }

  private static func list(_ names: [String]) -> JSONValue { .array(names.map { .string($0) }) }

  /// The numbers of layers, and the names of lists of layers, in the paths of the modules.
  private var layers: [ConfigTrial] {
    var first: Set<Int> = []
    var last: Set<Int> = []
    var lists: [String] = []
    for module in modules {
      let path = module.components
      let places = path.indices.dropFirst().filter { Int(path[$0]) != nil }
      guard let start = places.first, let end = places.last else { continue }
      if let number = Int(path[start]) { first.insert(number) }
      if let number = Int(path[end]) { last.insert(number) }
      let list = String(path[start - 1])
      if !lists.contains(list), lists.count < 4 { lists.append(list) }
    }
    let numbers = (first == last ? [first] : [first, last]).map { numbers in
      JSONValue.array(numbers.sorted().map { JSONValue($0) })
    }
    return numbers.map { ConfigTrial(key: "layers_to_transform", value: $0) }
      + lists.map { ConfigTrial(key: "layers_pattern", value: .string($0)) }
      + without("layers_to_transform", "layers_pattern")
  }

  /// The embeddings that the file has rows for; which rows is unknown.
  private var tokens: [ConfigTrial] {
    let suffix = ".token_adapter.trainable_tokens_delta"
    var groups = JSONObject()
    for index in 0..<builder.weights.tensorCount {
      let tensor = builder.weights.tensor(at: index)
      let name = tensor.name.string
      guard name.hasSuffix(suffix), name.hasPrefix(TensorPath.modelPrefix) else { continue }
      groups[String(name.dropFirst(TensorPath.modelPrefix.count).dropLast(suffix.count))] =
        .array([])
    }
    let key = "trainable_token_indices"
    return (groups.isEmpty ? [] : [ConfigTrial(key: key, value: .object(groups), isExact: false)])
      + without(key)
  }

  /// The parameters of the modules that have some beside a weight.
  private var parameters: [ConfigTrial] {
    let paths = modules.compactMap { builder.tree[$0] }.flatMap { module in
      module.parameters.filter { $0.shape?.rank ?? 0 > 2 }.map { "\(module.name).\($0.name)" }
    }
    let lasts = paths.reduce(into: [String]()) { names, path in
      let name = path.split(separator: ".").suffix(2).dotted
      if !names.contains(name), names.count < 4 { names.append(name) }
    }
    let key = "target_parameters"
    return (paths.isEmpty ? [] : [ConfigTrial(key: key, value: Self.list(paths))])
      + lasts.map { ConfigTrial(key: key, value: Self.list([$0])) } + without(key)
  }

  /// More layers than the base model has.
  private var replications: [ConfigTrial] {
    let key = "layer_replication"
    guard let list = builder.tree.layerList else { return without(key) }
    func count(_ names: [String]) -> Int {
      names.lazy.filter { $0.hasPrefix(list + ".") }
        .compactMap { Int($0.dropFirst(list.count + 1).prefix { $0 != "." }) }.max().map {
          min($0, 9_999) + 1
        }
        ?? 0
    }
    let (base, adapter) = (count(builder.tree.modules.map(\.name)), count(modules))
    guard adapter > base, adapter <= 2 * base else { return without(key) }
    let ranges = [[0, base], [0, adapter - base]].map { range in
      JSONValue.array(range.map { JSONValue($0) })
    }
    return [ConfigTrial(key: key, value: .array(ranges), isExact: false)] + without(key)
  }

  /// The sizes that the tensors of the modules have.
  private var sizes: [ConfigTrial] {
    var rules = builder.rules
    return rules.moduleSizes.flatMap { size -> [ConfigTrial] in
      var patterns = document[size.patternKey ?? ""]?.object ?? JSONObject()
      var found: Set<Int> = []
      var agreeing = 0
      for member in builder.members {
        guard let value = builder.size(size.symbol, of: member) else { continue }
        found.insert(value)
        if rules.values(for: member.path)[size.symbol] == value {
          agreeing += 1
        } else {
          patterns[member.path] = JSONValue(value)
        }
      }
      let common =
        found.count == 1
        ? found.first.map { ConfigTrial(key: size.key, value: JSONValue($0)) } : nil
      let pattern = size.patternKey.map { ConfigTrial(key: $0, value: .object(patterns)) }
      return (agreeing > 0 ? [pattern, common] : [common, pattern]).compactMap(\.self)
    }
  }

  /// How many numbered tensors of a kind there are, such as AdaMSS's clusters.
  private var counts: [ConfigTrial] {
    let numbers = (0..<builder.weights.tensorCount).lazy.compactMap { index -> Int? in
      builder.weights.tensor(at: index).name.string.components.last.flatMap { Int($0) }
    }
    guard let largest = numbers.max(), (0..<1_000_000).contains(largest) else { return [] }
    return defaults.filter { $0.value.integer != nil && $0.key.hasPrefix("num_") }.map {
      ConfigTrial(key: $0.key, value: JSONValue(largest + 1))
    }
  }

  /// Other lists of modules, with those whose tensors do not fit, by their last components or whole.
  private var lists: [ConfigTrial] {
    let chosen = ["target_modules", "exclude_modules"]
    let wrong = builder.mismatches.map(\.module)
    let lasts = Set(wrong.map { String(NumberedName.last(of: $0)) }).sorted()
    return defaults.map(\.key).filter { $0.hasSuffix("_modules") && !chosen.contains($0) }.flatMap {
      key in
      let listed = (document[key]?.array ?? []).compactMap(\.string)
      let other = lasts.filter { !listed.contains($0) }
      return [other, wrong].map { ConfigTrial(key: key, value: Self.list(listed + $0)) }
    }
  }

  private var flags: [ConfigTrial] {
    defaults.compactMap { member in
      (document[member.key] ?? member.value).bool.map {
        ConfigTrial(key: member.key, value: .bool(!$0))
      }
    }
  }

  private var defaultValues: [ConfigTrial] {
    // PEFT refuses a config without the last two.
    let chosen = [
      "target_modules", "exclude_modules", "modules_to_save", "peft_type", "task_type",
      "num_virtual_tokens", "oft_block_size",
    ]
    return document.map(\.key).filter {
      !chosen.contains($0) && isSet($0) && document[$0]?.bool == nil
    }
    .map { ConfigTrial(key: $0, value: nil) }
  }

  /// The modules to adapt, by their paths, and those not to adapt.
  private var targets: [ConfigTrial] {
    let absent = builder.binding.modules.filter { $0.state == .missing && $0.tensors.isEmpty }
    let excluded = (document["exclude_modules"]?.array ?? []).compactMap(\.string)
    let exclusions =
      without("exclude_modules") + [
        ConfigTrial(key: "exclude_modules", value: Self.list(excluded + absent.map(\.name)))
      ]
    let lasts = Set(modules.map { String(NumberedName.last(of: $0)) })
    let targets = [lasts.sorted(), modules].map {
      ConfigTrial(key: "target_modules", value: Self.list($0))
    }
    return isSet("target_modules") && builder.adapted.refusal == nil && builder.binding.dead.isEmpty
      ? exclusions + targets : targets + exclusions
  }
}

extension BindingBuilder {
  /// The value of a symbol with which all tensors of a module fit; nil if there is none.
  func size(_ symbol: String, of member: Member) -> Int? {
    guard !member.tensors.isEmpty else { return nil }
    var values = member.values
    values[symbol] = nil
    return FormFit.best(of: member.forms, member.tensors, values, in: weights).flatMap {
      $0.fit.isPerfect ? $0.fit.values[symbol] : nil
    }
  }
}
