// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// The modules of a base model that PEFT adapts and saves for a config (spec/base-model.md, P12 to
/// P20).
struct AdaptedModules: Sendable {
  /// A parameter of a module that a config adapts by itself (`target_parameters`).
  struct Parameter: Sendable, Hashable {
    let module: String
    let name: String
    /// The number of parameters of the module that are adapted around this one.
    var depth: Int

    /// The path of the parameter.
    var path: String { module + "." + name }
  }

  /// The paths of the modules, in the order of the tree.
  var modules: [String] = []
  /// The adapted parameters, in the order of the tree.
  private(set) var parameters: [Parameter] = []
  /// The modules that are saved whole.
  var saved: [String] = []
  /// The embeddings with single rows that are trained in addition to the method.
  var tokens: [String] = []
  /// The modules that are tied to an adapted one, and adapted with it.
  var tied: [String] = []
  /// The tied modules that are targets themselves, which PEFT wraps twice.
  var twice: Set<String> = []
  /// The modules that share the trained rows of the input embedding, and have no tensor for them.
  var tokenTied: Set<String> = []
  /// The config as PEFT converts it for the model.
  private(set) var config: AdapterConfig
  /// The target names that match no module.
  private(set) var unmatched: [String] = []
  /// Why PEFT refuses the config for this model; nil if it does not.
  var refusal: String?
  /// Whether `exclude_modules` and `modules_to_save` leave out some module.
  private(set) var excludes = false
  /// Whether some names could not be matched.
  private(set) var isIncomplete = false
  /// The targets after PEFT has filled them in.
  private(set) var targets: TargetNames?
  /// The names in `target_parameters` that match no parameter, if none of them does.
  private(set) var unmatchedParameters: [String] = []

  private let present: Set<UTF8Text>
  /// The tied modules that have no tensors but those of another module.
  var sharing: Set<String> = []
  var budget = largestBudget
  private static let largestBudget = 100_000_000
  /// How many steps of matching were taken.
  var stepCount: Int { Self.largestBudget - max(0, budget) }

  /// Finds the modules.
  ///
  /// - Parameters:
  ///   - hasTargets: whether the method adapts modules; methods for prompts do not.
  ///   - present: the modules that the adapter has tensors for, which are taken as adapted where their
  ///     names cannot be matched.
  /// - Complexity: O(modules · path), plus the steps of the expressions, bounded.
  init(
    config: AdapterConfig, type: PEFTType, hasTargets: Bool, tree: ModuleTree,
    present: Set<UTF8Text>
  ) {
    self.config = config
    self.present = present
    let savedNames = (try? config.savedModules) ?? []
    let matcher = SavedModuleMatcher(savedNames)
    defer {
      addSaved(savedNames, isTying: type == .lora, tree)
      if budget < 0 { isIncomplete = true }
    }
    if type.rawValue == "ADAPTION_PROMPT" { addPrompted(tree) }
    // Methods whose tensors belong to no module have no targets.
    guard hasTargets, type.rawValue != "XLORA", type.rawValue != "ADAPTION_PROMPT" else { return }
    var targets = TargetNames(config.document["target_modules"])
    if type == .lora, let family = tree.modelType?.expertFamily {
      let conversion = ExpertTargets(family).convert(&self.config, targets: targets, tree: tree)
      if let refusal = conversion.refusal {
        self.refusal = refusal
        return
      }
      targets = conversion.targets
    }
    if targets == nil { targets = defaultTargets(type, tree) }
    checkFeedForward(type, tree)
    guard refusal == nil else { return }
    self.targets = targets
    match(targets, saved: matcher, tree: tree)
    if type == .lora { addTied(tree, savedNames: savedNames) }
    if type.rawValue == "TRAINABLE_TOKENS" { addTiedTokens(tree) }
    addParameters(tree)
    addTokens(tree)
    if budget < 0 { isIncomplete = true }
    if modules.isEmpty, parameters.isEmpty, tied.isEmpty, !isIncomplete {
      refusal = Self.nothingMatches(targets)
    }
  }

  /// Whether a module is adapted, or a parameter of it.
  func contains(_ module: String) -> Bool {
    modules.contains(module) || tied.contains(module)
      || parameters.contains { $0.module == module }
  }

  /// Whether the tensors of a module are those of another one, too.
  func sharesTensors(_ module: String) -> Bool { sharing.contains(module) }

  private static func nothingMatches(_ targets: TargetNames?) -> String {
    switch targets {
    case .expression(let text):
      "\"target_modules\" (\(text.excerpt)) matches no module of the base model"
    case .list(let names) where !names.isEmpty:
      "\"target_modules\" (\(names.sorted().prefix(6).map { "\"\($0)\"" }.joined(separator: ", ").excerpt)) matches no "
        + "module of the base model"
    default:
      "\"target_modules\" and \"target_parameters\" name nothing, so that the config adapts no module of "
        + "the base model"
    }
  }
}

extension AdaptedModules {
  /// The targets of a config that names none.
  private mutating func defaultTargets(_ type: PEFTType, _ tree: ModuleTree) -> TargetNames? {
    switch type.rawValue {
    case "TRAINABLE_TOKENS": return .expression(tree.inputEmbedding ?? "embed_tokens")
    case "OSF":
      let named = tree.modelType.flatMap {
        DefaultTargets.targets(of: type.rawValue, modelType: $0.name)
      }
      return named ?? .expression("all-linear")
    case "SHADOW":
      return tree.layerList.map { list in
        .list(
          tree.modules.map(\.name).filter { name in
            name.hasPrefix(list + ".") && Int(name.dropFirst(list.count + 1)) != nil
          })
      }
    default: break
    }
    if let found = tree.modelType.flatMap({
      DefaultTargets.targets(of: type.rawValue, modelType: $0.name)
    }) {
      return found
    }
    if type == .lora, !targetParameters.isEmpty { return nil }
    refusal =
      "the config has no \"target_modules\", and PEFT has none for "
      + (tree.modelType.map { "models of type \($0.name)" } ?? "this model")
    return nil
  }

  /// (IA)³ has feed-forward modules by default for some types of models, and refuses others.
  private mutating func checkFeedForward(_ type: PEFTType, _ tree: ModuleTree) {
    guard refusal == nil, type.rawValue == "IA3",
      config.document["feedforward_modules"]?.isNull ?? true,
      tree.modelType.flatMap({
        DefaultTargets.targets(of: "IA3.feedforward_modules", modelType: $0.name)
      }) == nil
    else { return }
    refusal =
      "the config has no \"feedforward_modules\", and PEFT has none for "
      + (tree.modelType.map { "models of type \($0.name)" } ?? "this model")
  }

  private var targetParameters: [String] {
    (config.document["target_parameters"]?.array ?? []).compactMap(\.string)
  }

  private mutating func match(
    _ targets: TargetNames?, saved: SavedModuleMatcher, tree: ModuleTree
  ) {
    guard let targets else { return }
    let names = targets.isAllLinear ? .list(allLinear(tree)) : targets
    let matcher = TargetMatcher(names)
    let excluded = TargetNames(config.document["exclude_modules"])
      .flatMap { $0.isEmpty ? nil : TargetMatcher($0) }
    let layers = LayerSelection(config)
    for module in tree.modules {
      switch excluded?.match(module.name, budget: &budget) ?? .none {
      case .none: break
      case .path, .ending:
        excludes = true
        continue
      case .unknown:
        excludes = true
        takeIfPresent(module.name)
        continue
      }
      if saved.excludes(module.name, budget: &budget) {
        excludes = true
        continue
      }
      switch matcher.match(module.name, budget: &budget) {
      case .none: continue
      case .path: modules.append(module.name)
      case .ending:
        guard let layers else {
          modules.append(module.name)
          continue
        }
        switch layers.contains(module.name, budget: &budget) {
        case true?: modules.append(module.name)
        case false?: break
        case nil: takeIfPresent(module.name)
        }
      case .unknown: takeIfPresent(module.name)
      }
    }
    findUnmatched(names)
  }

  private mutating func takeIfPresent(_ name: String) {
    isIncomplete = true
    if present.contains(UTF8Text(name)) { modules.append(name) }
  }

  /// The linear layers, without the output of the model.
  private func allLinear(_ tree: ModuleTree) -> [String] {
    var output = tree.outputEmbedding
    if tree.className != nil, output == nil, config.document["task_type"]?.string == "SEQ_CLS" {
      output = ["score", "classifier"].first(where: tree.contains)
    }
    return tree.modules.filter {
      ($0.kind == .linear || $0.kind == .transposedLinear) && $0.name != output
    }.map(\.name)
  }

  private mutating func findUnmatched(_ names: TargetNames) {
    guard case .list(let list) = names, !modules.isEmpty else { return }
    var wanted = Set(list.map { UTF8Text($0) })
    for module in modules {
      wanted.remove(UTF8Text(module))
      var rest = module[...]
      while let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) {
        rest = rest[rest.utf8.index(after: dot)...]
        wanted.remove(UTF8Text(String(rest)))
      }
    }
    unmatched = wanted.sorted().map(\.string)
  }

  /// The blocks of attention that a prompt is put in: the topmost ones.
  private mutating func addPrompted(_ tree: ModuleTree) {
    let byType = ["gpt2": "attn", "llama": "self_attn", "mistral": "self_attn"]
    guard
      let ending = config.document["target_modules"]?.string
        ?? tree.modelType.flatMap({ byType[$0.name] }),
      let count = config.document["adapter_layers"]?.integer, count >= 0
    else { return }
    let blocks = tree.modules.map(\.name).filter { $0.hasSuffixBytes(ending) }
    modules = Array(blocks.suffix(count))
  }

  private mutating func addParameters(_ tree: ModuleTree) {
    let names = targetParameters
    guard !names.isEmpty else { return }
    let matcher = TargetMatcher(.list(names))
    let order = ModelClasses.parameterOrder
    defer { if parameters.isEmpty { unmatchedParameters = names } }
    for module in tree.modules where !module.parameters.isEmpty {
      var found: [Parameter] = []
      for parameter in module.parameters {
        let path = module.name + "." + parameter.name
        if case .none = matcher.match(path, budget: &budget) { continue }
        found.append(Parameter(module: module.name, name: parameter.name, depth: 0))
      }
      guard !found.isEmpty else { continue }
      if contains(module.name) {
        refusal =
          "\"target_parameters\" has a parameter of \(module.name), which \"target_modules\" selects, too"
        return
      }
      // PEFT wraps the parameters in the order of the class, the first one innermost.
      let ranks = found.map { order[$0.name[...]] ?? Int.max }
      let sorted = found.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
      for (place, index) in sorted.enumerated() { found[index].depth = found.count - 1 - place }
      parameters += found
    }
  }
}
