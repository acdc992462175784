// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

/// The names that mlx-lm gives modules where transformers has others (spec/mlx.md, MX4).
struct MLXNames {
  /// The other names of some types of models.
  private struct Rule {
    /// `model_type` of each.
    let types: [String]
    /// Starts of names: in transformers, and in mlx-lm. The first one that fits counts.
    var starts: [(base: String, mlx: String)] = []
    /// The module of the experts in a block: in transformers, and in mlx-lm.
    var experts: (base: String, mlx: String)?
  }

  private static let rules = [
    Rule(types: ["gpt2"], starts: [("transformer.", "model.")]),
    Rule(
      types: ["gpt_neox"],
      starts: [
        ("gpt_neox.layers.", "model.h."), ("gpt_neox.embed_in", "model.embed_in"),
        ("lm_head", "model.embed_out"), ("embed_out", "model.embed_out"),
      ]),
    Rule(
      types: ["mixtral", "phimoe"], experts: ("mlp.experts", "block_sparse_moe.switch_mlp")),
    Rule(
      types: ["qwen2_moe", "qwen3_moe", "olmoe", "deepseek_v2", "deepseek_v3", "glm4_moe"],
      experts: ("mlp.experts", "mlp.switch_mlp")),
  ]

  /// What transformers 4 calls the experts of mixtral.
  private static let formerExperts = "block_sparse_moe.experts"
  /// Starts of names that several types have, in which mlx-lm differs.
  private static let ambiguous = (
    base: ["transformer.", "gpt_neox.", "embed_out"],
    mlx: ["model.h.", "model.wte", "model.wpe", "model.embed_in", "model.embed_out"]
  )

  private let type: String?
  private let rule: Rule?
  private let path: String

  /// - Parameter path: the path of the adapter, for errors.
  init(_ base: BaseModel?, path: String) {
    let type = base?.modelType
    self.type = type
    self.path = path
    rule = type.flatMap { type in Self.rules.first { $0.types.contains(type) } }
  }

  /// The name in mlx-lm of a module that is not one of stacked experts.
  ///
  /// - Throws: `missing` for a name that only the base model's type decides.
  func name(_ module: String) throws(CheckpointError) -> String {
    try renamed(module, from: \.base, to: \.mlx, ambiguous: Self.ambiguous.base)
  }

  /// The name in transformers of a module of mlx-lm that is not one of stacked experts.
  ///
  /// - Throws: as `name`.
  func baseName(_ module: String) throws(CheckpointError) -> String {
    try renamed(module, from: \.mlx, to: \.base, ambiguous: Self.ambiguous.mlx)
  }

  private func renamed(
    _ module: String, from: KeyPath<(base: String, mlx: String), String>,
    to: KeyPath<(base: String, mlx: String), String>, ambiguous: [String]
  ) throws(CheckpointError) -> String {
    if let start = rule?.starts.first(where: { module.startsWithBytes(of: $0[keyPath: from]) }) {
      return start[keyPath: to] + module.utf8.dropFirst(start[keyPath: from].utf8.count).text
    }
    guard type != nil || !ambiguous.contains(where: { module.startsWithBytes(of: $0) }) else {
      throw baseNeeded("which name \(module.printable) has there depends on the model's type")
    }
    return module
  }

  /// The name in mlx-lm of the module with the experts that a path of transformers ends in.
  ///
  /// - Throws: `missing` without a base model, `unsupported` for a type without a rule.
  func expertsName(_ module: String) throws(CheckpointError) -> String {
    guard let type else {
      throw baseNeeded("which name the experts have in mlx-lm depends on the model's type")
    }
    guard let experts = rule?.experts else {
      throw CheckpointError(
        .unsupported, "no rule has the names of the experts of \(type.excerpt) in mlx-lm",
        path: path, hint: "PEFT's merge_and_unload puts the adapter into its base model")
    }
    for ending in [experts.base, Self.formerExperts] where module.hasSuffix("." + ending) {
      return module.utf8.dropLast(ending.utf8.count).text + experts.mlx
    }
    throw CheckpointError(
      .unsupported, "no rule has the name of \(module.printable) in mlx-lm", path: path)
  }

  /// The name in transformers of a module with experts of mlx-lm.
  ///
  /// - Throws: `unsupported` for a name without a rule.
  func baseExpertsName(_ module: String) throws(CheckpointError) -> String {
    let known = rule.map { [$0] } ?? Self.rules
    for experts in known.compactMap(\.experts) where module.hasSuffix("." + experts.mlx) {
      return module.utf8.dropLast(experts.mlx.utf8.count).text + experts.base
    }
    throw CheckpointError(
      .unsupported, "no rule has the name of \(module.printable) in transformers", path: path)
  }

  private func baseNeeded(_ reason: String) -> CheckpointError {
    CheckpointError(
      .missing, "the base model is needed: \(reason)", path: path, remedy: .provideBase)
  }
}

extension Substring.UTF8View {
  /// The text of whole characters.
  fileprivate var text: String { String(Substring(self)) }
}
