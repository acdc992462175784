// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
public import Tensors

extension Binding {
  /// Binds an adapter to a base model.
  ///
  /// - Parameters:
  ///   - config: the adapter's config.
  ///   - weights: the adapter's weights.
  ///   - base: the base model.
  ///   - release: the release that reads the adapter.
  /// - Throws: `missing` or `mismatch` when the config does not name its method.
  /// - Complexity: O(modules · path + tensors), plus bounded steps for expressions, and as much again
  ///   for a bounded number of other configs if PEFT does not load the whole adapter; no tensor data
  ///   is read.
  public init(
    _ config: AdapterConfig, _ weights: any TensorArchive, to base: BaseModel,
    in release: ExaminedRelease = .newest
  ) throws(CheckpointError) {
    let method = try config.method
    let attachment = try Attachment(config, weights)
    let names = attachment.modules.map(\.name)
    let prompt = method.isPromptLearning ? base.checkPrompt(of: config, weights) : .init()
    defer { if prompt.fits { fitting.insert("prompt_embeddings") } }
    guard var tree = base.modules(for: config, adapted: names) else {
      knowsModules = false
      findings = prompt.findings
      return
    }
    if tree.className == nil { tree.tellEmbeddings(by: attachment.modules) }
    let binder = AdapterBinder(
      weights: weights, tree: tree, present: Set(names.map { UTF8Text($0) }),
      hiddenSize: base.hiddenSize, layout: ParameterLayout(release.release))
    guard let builder = binder.bind(config, method) else {
      findings = [
        Finding(
          .error, "no-target",
          "\"layer_replication\" is not a list of ranges of the base model's layers: PEFT refuses "
            + "the adapter", key: "layer_replication")
      ]
      return
    }
    guard builder.isComplete || !base.isOfUnknownClass(config) else {
      knowsModules = false
      findings = prompt.findings + [base.unknownClassFinding]
      return
    }
    self = builder.binding
    if !builder.isComplete {
      remedy = binder.remedy(for: builder, config, method, attachment)
    }
    findings =
      prompt.findings + BindingFindings(builder, attachment).findings
      + builder.layoutFindings(of: config, in: release)
  }
}

extension BaseModel {
  /// Whether the base model is of a class of transformers that nothing names: neither the order of a
  /// weight's dimensions nor the prefixes and heads of the class are known then (spec/base-model.md, P33).
  fileprivate func isOfUnknownClass(_ adapter: AdapterConfig) -> Bool {
    config.isEmpty && ModelRoots.describe(adapter)
  }

  fileprivate var unknownClassFinding: Finding {
    Finding(
      .note, "base-model",
      "the base model has no config.json, so that its class is unknown, and the names of its tensors are "
        + "not all those of the adapter's modules: they are not compared; give the model's directory, "
        + "with its config.json")
  }
}

extension ModuleTree {
  /// Tells embeddings from linear layers by the names of the adapter's tensors, where only these do.
  mutating func tellEmbeddings(by adapted: [AttachedModule]) {
    for module in adapted {
      let layers = module.form.layers
      guard let kind = self[module.name]?.kind,
        layers.contains(.embedding) != layers.contains(.linear)
      else { continue }
      if kind == .linear, layers.contains(.embedding) { set(.embedding, of: module.name) }
      if kind == .embedding, layers.contains(.linear) { set(.linear, of: module.name) }
    }
  }
}

/// Binds an adapter to the modules of a base model, with one config or another.
private struct AdapterBinder {
  let weights: any TensorArchive
  let tree: ModuleTree
  /// The modules that the adapter has tensors for.
  let present: Set<UTF8Text>
  let hiddenSize: Int?
  /// How the reading release lays out the factors of parameters.
  let layout: ParameterLayout

  /// The most modules, tensors and steps of matching of all trials together.
  private static let largestTrials = 500_000

  /// Binds the adapter; nil if the config replicates layers that the model does not have.
  func bind(_ config: AdapterConfig, _ method: any AdapterMethod) -> BindingBuilder? {
    var tree = tree
    if method.type == .lora, let ranges = config.document["layer_replication"], !ranges.isFalsy {
      guard let replicated = tree.replicating(ranges) else { return nil }
      tree = replicated
    }
    let adapted = AdaptedModules(
      config: config, type: method.type, hasTargets: !method.isPromptLearning, tree: tree,
      present: present)
    var builder = BindingBuilder(
      weights: ConvertedAdapter(weights, type: method.type, tree: tree), tree: tree,
      adapted: adapted, rules: AttachmentRules(method, adapted.config), hiddenSize: hiddenSize,
      layout: layout)
    if adapted.refusal == nil { builder.bind() }
    return builder
  }

  /// The first trial with which PEFT takes the config, loads every tensor, and has no other ones.
  func remedy(
    for builder: BindingBuilder, _ config: AdapterConfig, _ method: any AdapterMethod,
    _ attachment: Attachment
  ) -> ConfigTrial? {
    guard !builder.adapted.isIncomplete else { return nil }
    let trials = ConfigTrials(builder, config, modules: attachment.modules).trials
    let count =
      Self.largestTrials
      / (tree.modules.count + weights.tensorCount + builder.adapted.stepCount + 1)
    let rules = method as? any ModuleMethod
    return trials.prefix(count).first { trial in
      let config = trial.applied(to: config)
      return bind(config, method)?.isComplete ?? false
        && rules?.crossFieldFindings(of: config).contains { $0.severity == .error } != true
    }
  }
}
