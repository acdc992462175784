// SPDX-License-Identifier: Apache-2.0
package import Archives
internal import JSONDocument
package import Tensors

/// Where PEFT attaches an adapter to a base model: the modules in memory, what of them the adapter
/// changes, and the adapter's tensors as PEFT names them there (spec/base-model.md, P12 to P20).
package struct AdapterPlacement: Sendable {
  /// A tensor as PEFT loads it.
  package struct LoadedTensor: Sendable {
    /// The name in a file of an adapter of this model.
    package let name: TensorName
    /// The shape.
    package let shape: Shape
    /// The tensors of the file that it is made of: one, or for stacked experts those of each former
    /// projection, expert by expert.
    package let sources: [[Int]]
  }

  /// The modules of the base model.
  package let tree: ModuleTree
  /// The config as PEFT converts it for the model.
  package let config: AdapterConfig
  /// The tensors of the adapter.
  package let tensors: [LoadedTensor]
  /// The modules that are adapted by the method.
  package let modules: [String]
  /// The modules that are saved whole.
  package let saved: [String]
  /// The embeddings with trained rows beside the method.
  package let tokens: [String]
  /// The modules whose changes are those of the module that they are tied to.
  package let following: Set<String>

  /// Finds the places.
  ///
  /// - Returns: nil for a base model without weights, and one whose modules cannot be told.
  /// - Throws: `missing` or `mismatch` when the config does not name its method.
  /// - Complexity: as that of `Binding`.
  package init?(
    _ config: AdapterConfig, _ weights: any TensorArchive, in base: BaseModel
  ) throws(CheckpointError) {
    let method = try config.method
    let attachment = try Attachment(config, weights)
    let names = attachment.modules.map(\.name)
    guard var tree = base.modules(for: config, adapted: names) else { return nil }
    if tree.className == nil { tree.tellEmbeddings(by: attachment.modules) }
    let adapted = AdaptedModules(
      config: config, type: method.type, hasTargets: !method.isPromptLearning, tree: tree,
      present: Set(names.map { UTF8Text($0) }))
    self.tree = tree
    self.config = adapted.config
    tensors = ConvertedAdapter(weights, type: method.type, tree: tree).members.map {
      LoadedTensor(name: $0.name, shape: $0.shape, sources: $0.sources)
    }
    modules = adapted.modules + adapted.tied
    saved = adapted.saved
    tokens = adapted.tokens
    // One copy of tied values is merged, as it is trained.
    let tied = Set(tree.tiedModules)
    var following = adapted.tokenTied.union(adapted.sharing).union(adapted.tied)
    if adapted.config.flag("ensure_weight_tying", default: false) {
      following.formUnion(tied.intersection(adapted.saved))
    }
    self.following = following.intersection(tied)
  }
}
