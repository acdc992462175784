// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension AdapterConfig {
  /// Whether `target_modules` or `modules_to_save` has an embedding or an output layer by PEFT's list of
  /// names, which decides about what is tied.
  var namesEmbedding: Bool {
    let embeddings: Set<Substring> = ["embed_tokens", "lm_head"]
    let isNamed = { (name: String) in name.components.last.map(embeddings.contains) ?? false }
    let saved = (try? savedModules) ?? []
    if saved.contains(where: isNamed) { return true }
    guard let targets = TargetNames(document["target_modules"]) else { return false }
    switch targets {
    case .list(let names): return names.contains(where: isNamed)
    case .expression:
      let matcher = TargetMatcher(targets)
      var budget = ModulePatterns.largestBudget
      return embeddings.contains { name in
        switch matcher.match(String(name), budget: &budget) {
        case .path, .ending: true
        case .none, .unknown: false
        }
      }
    }
  }
}
