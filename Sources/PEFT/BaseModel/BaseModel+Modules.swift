// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension BaseModel {
  /// The classes of transformers that a user of an adapter may have loaded, likeliest first
  /// (spec/base-model.md, P5). Empty for models that are not of transformers.
  func classes(for adapter: AdapterConfig) -> [ModelClass] {
    guard let modelType else { return [] }
    let type = ModelClasses.type(modelType)
    let architecture = config["architectures"]?.array?.first?.string.flatMap(ModelClasses.named)
    func auto(_ task: String) -> ModelClass? {
      type?.className(for: task).flatMap(ModelClasses.named)
    }
    let first = config["architectures"]?.array?.first?.string
    // A class that the table lacks is like those of its model type, and has the modules of its files.
    let unlisted =
      architecture != nil
      ? nil
      : first.flatMap { name in
        (auto("CAUSAL_LM") ?? auto("SEQ_2_SEQ_LM") ?? auto("MODEL"))?.havingAllModules(as: name)
      }
    let candidates: [ModelClass?]
    switch adapter.document["task_type"]?.string {
    case "SEQ_CLS": candidates = [auto("SEQ_CLS")]
    case "TOKEN_CLS": candidates = [auto("TOKEN_CLS")]
    case "QUESTION_ANS": candidates = [auto("QUESTION_ANS")]
    case "CAUSAL_LM", "SEQ_2_SEQ_LM":
      let generates = architecture.flatMap { $0.outputEmbedding == nil ? nil : $0 }
      candidates = [unlisted, generates, auto("CAUSAL_LM"), auto("SEQ_2_SEQ_LM")]
    case "FEATURE_EXTRACTION": candidates = [auto("MODEL")]
    default:
      let recorded = adapter.document["auto_mapping"]?["base_model_class"]?.string
      candidates =
        recorded.flatMap(ModelClasses.named).map { [$0] } ?? [
          architecture, unlisted, auto("MODEL"),
        ]
    }
    let found = candidates.compactMap(\.self)
    var names: Set<String> = []
    return (found.isEmpty ? [architecture].compactMap(\.self) : found).filter {
      names.insert($0.name).inserted
    }
  }

  /// The modules in memory for the user of an adapter: of the classes that are possible, those of the
  /// first that has the most of the adapter's modules.
  ///
  /// - Parameters:
  ///   - adapter: the config of the adapter.
  ///   - adapted: the modules that the adapter has tensors for.
  /// - Returns: nil for a model without weights, or one with more names than can be converted.
  /// - Complexity: O(tensors · conversions), bounded.
  public func modules(for adapter: AdapterConfig, adapted: [String]) -> ModuleTree? {
    guard let weights else { return nil }
    let classes = classes(for: adapter)
    guard !classes.isEmpty else { return tree(of: weights, as: nil) }
    var best: (tree: ModuleTree, count: Int)?
    for candidate in classes {
      guard let tree = tree(of: weights, as: candidate) else { continue }
      let count = adapted.count { tree.contains($0) }
      if best == nil || best!.count < count { best = (tree, count) }
      if count == adapted.count { break }
    }
    return best?.tree
  }

  /// The modules in memory of the class that the model's own config names: for files that tell no
  /// other. For a class that the table lacks, the modules are those of the files.
  ///
  /// - Returns: nil for a model without weights, or one with more names than can be converted.
  /// - Complexity: O(tensors · conversions), bounded.
  public func modules() -> ModuleTree? {
    guard let weights else { return nil }
    let name = config["architectures"]?.array?.first?.string
    return tree(of: weights, as: name.flatMap(ModelClasses.named))
  }

  /// The modules of one class in memory.
  private func tree(of weights: any TensorArchive, as modelClass: ModelClass?) -> ModuleTree? {
    let type = modelType.flatMap(ModelClasses.type)
    let conversions = modelClass.flatMap(\.conversions).map { $0 + ModelClasses.legacyConversions }
    var builder = ModuleTreeBuilder(modelClass, conversions: conversions ?? [])
    for index in 0..<weights.tensorCount {
      guard builder.add(weights.tensor(at: index), at: index) else { return nil }
    }
    return builder.tree(type: type, ties: tiesEmbeddings(type), conversions: conversions)
  }
}
