// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// Embeddings and the modules that are tied to them: what is adapted, saved whole or trained by rows.
extension AdaptedModules {
  /// The modules that `ensure_weight_tying` adapts with the embedding.
  mutating func addTied(_ tree: ModuleTree, savedNames: [String]) {
    guard tiesWeights, !tree.tied.isEmpty, !savedNames.contains(where: Self.isEmbedding),
      modules.contains(where: Self.isEmbedding)
    else { return }
    tied = tree.tiedModules
    let ties = Set(tied)
    modules.removeAll { ties.contains($0) }
  }

  private var tiesWeights: Bool { config.flag("ensure_weight_tying", default: false) }

  private static func isEmbedding(_ name: String) -> Bool {
    ["embed_tokens", "lm_head"].contains { name == $0 || name.hasSuffix("." + $0) }
  }

  /// The modules that are saved whole; with `ensure_weight_tying`, an embedding among them is the input
  /// embedding, and those that are tied to it are saved as well.
  mutating func addSaved(_ names: [String], isTying: Bool, _ tree: ModuleTree) {
    var names = names
    if isTying, tiesWeights, !tree.tiedModules.isEmpty, let input = tree.inputEmbedding,
      names.contains(where: Self.isEmbedding)
    {
      names += [input] + tree.tiedModules
    }
    let matcher = SavedModuleMatcher(names)
    saved = tree.modules.map(\.name).filter { matcher.saves($0, budget: &budget) }
  }

  /// The modules that share the trained tokens of the input embedding.
  mutating func addTiedTokens(_ tree: ModuleTree) {
    guard let input = tree.inputEmbedding, modules.contains(input) else { return }
    let targets = Set(modules)
    tied = tree.tiedModules.filter { !targets.contains($0) }
    sharing = Set(tree.tiedModules)
    twice = sharing.intersection(targets)
  }

  /// The embeddings with trained rows, as `trainable_token_indices` names them.
  ///
  /// Of names for tied embeddings with the same tokens, PEFT takes those that are no full path of a tied
  /// module. Modules that are tied to the input embedding share its rows.
  mutating func addTokens(_ tree: ModuleTree) {
    let groups = TrainedTokens(config).groups.map { group in
      (name: group.name ?? tree.inputEmbedding ?? "embed_tokens", indices: group.indices)
    }
    guard !groups.isEmpty else { return }
    let ties = Set(tree.tiedModules)
    let sharing = groups.filter { group in
      tree.inputEmbedding?.hasSuffixBytes(group.name) == true
        || ties.contains { tie in
          tie.hasSuffixBytes(group.name) || tie.split(separator: ".").contains { $0 == group.name }
        }
    }
    let differ = sharing.contains { $0.indices != sharing[0].indices }
    let isShared = !ties.isEmpty && groups.count > 1 && sharing.count > 1 && !differ
    let names = groups.map(\.name).filter { !isShared || !ties.contains($0) }
    let matcher = SavedModuleMatcher(names)
    tokens = tree.modules.map(\.name).filter { matcher.saves($0, budget: &budget) }
    if let input = tree.inputEmbedding, tokens.contains(input), !differ || sharing.count < 2 {
      tokenTied = ties
      tokens.removeAll(where: ties.contains)
    }
    let absent = names.filter { name in
      let matcher = SavedModuleMatcher([name])
      return !tree.modules.contains { matcher.saves($0.name, budget: &budget) }
    }
    if !absent.isEmpty, budget >= 0 {
      refusal =
        "\"\(TrainedTokens.key)\" is for \(absent.joined(separator: ", ").excerpt), "
        + "which the base model does not have"
    }
  }
}
