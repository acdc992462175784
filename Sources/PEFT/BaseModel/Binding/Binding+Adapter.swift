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
  /// - Throws: `missing` or `mismatch` when the config does not name its method.
  /// - Complexity: O(modules · path + tensors), plus bounded steps for expressions; no tensor data is
  ///   read.
  public init(
    _ config: AdapterConfig, _ weights: any TensorArchive, to base: BaseModel
  ) throws(CheckpointError) {
    let method = try config.method
    let attachment = try Attachment(config, weights)
    let names = attachment.modules.map(\.name)
    let promptFindings = method.isPromptLearning ? base.promptFindings(for: config, weights) : []
    guard var tree = base.modules(for: config, adapted: names) else {
      knowsModules = false
      findings = promptFindings
      return
    }
    if method.type == .lora, let ranges = config.document["layer_replication"], !ranges.isNull {
      guard let replicated = tree.replicating(ranges) else {
        findings = [
          Finding(
            .error, "no-target",
            "\"layer_replication\" is not a list of ranges of the base model's layers: PEFT refuses "
              + "the adapter", key: "layer_replication")
        ]
        return
      }
      tree = replicated
    }
    let adapted = AdaptedModules(
      config: config, type: method.type, hasTargets: !method.isPromptLearning, tree: tree,
      present: Set(names.map { UTF8Text($0) }))
    var builder = BindingBuilder(
      weights: ConvertedAdapter(weights, type: method.type, tree: tree), tree: tree,
      adapted: adapted, rules: AttachmentRules(method, adapted.config))
    if adapted.refusal == nil { builder.bind() }
    self = builder.binding
    findings = promptFindings + BindingFindings(builder, attachment).findings
  }
}
