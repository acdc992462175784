// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import Files
internal import LowRank
public import PEFT
public import Tensors

/// A LoRA adapter taken out of the difference of two models (spec/adapter-algebra.md, AL20 to AL26).
///
/// Modules are computed one after the other, on as many threads as there are CPUs, and weights are read
/// block by block: memory does not grow with the number of modules, but for their factors.
public struct ModelExtraction: Sendable {
  /// What became of a module.
  public struct Module: Sendable, Hashable {
    /// The name in the base model.
    public let name: String
    /// The rank of the update.
    public let rank: Int
    /// ‖Δ‖, the Frobenius norm of the difference.
    public let norm: Double
    /// ‖update − Δ‖ / ‖Δ‖, measured element by element with the factors as they are written.
    public let error: Double
  }

  /// The adapter.
  public let result: ComputedLoRA
  /// The modules with an update, in the order of the base model.
  public let modules: [Module]
  /// The number of modules whose weights do not differ, and that could have an update.
  public let unchangedCount: Int
  /// Parameters that differ and that no low-rank update holds.
  public let others: [String]
  /// Whether the adapter has those parameters.
  public let savesOthers: Bool

  /// The relative error of all updates together.
  public var error: Double {
    var (all, lost) = (ScaledSquares(), ScaledSquares())
    for module in modules {
      all.add(module.norm)
      lost.add(module.norm * module.error)
    }
    return all.norm > 0 ? lost.norm / all.norm : 0
  }

  /// The most names in a message.
  private static let namedCount = 8

  /// Takes an adapter out of two models.
  ///
  /// - Throws: `invalidArgument` for options that are not possible; `mismatch` for models that do not
  ///   have the same parameters; `unsupported` for quantized models and for other tensors that are
  ///   refused; `missing` when no weight differs; what reading throws.
  /// - Complexity: 4 + 2 · iterations passes over the weights, each O(elements · (rank + oversampling)).
  public init(
    of tuned: BaseModel, from base: BaseModel, options: ExtractionOptions
  ) throws(CheckpointError) {
    try options.check()
    let pair = try ModelPair(base, tuned)
    let others = try OtherDifferences(pair)
    try Self.check(others, options.others, path: tuned.path)
    let candidates = pair.parameters.filter(\.isLowRank)
    let files = (base.weights?.files ?? []) + (tuned.weights?.files ?? [])
    let factors = try ComputedFactors(
      path: tuned.path, files: files, output: options.output)
    let extracted = try WorkerPool.map(candidates.count, threads: AvailableCPUs.count) {
      index throws(CheckpointError) in
      try ModuleExtraction(candidates[index], options, factors)
    }
    let found = extracted.compactMap(\.self)
    guard !found.isEmpty else {
      throw CheckpointError(
        .missing, "has no weight that differs from \(base.path) and could have a low-rank update",
        path: tuned.path)
    }
    let saved = options.others == .saved ? others : nil
    let config = ExtractedConfig.config(
      baseName: options.baseName ?? base.path, className: pair.tree.className, others: saved)
    let adapter = LowRankAdapter(
      path: tuned.path, modules: found.map(\.module), others: saved?.tensors ?? [], config: config)
    let names = ExtractedConfig.targets(found.map(\.module.name), in: pair.tree)
    result = ComputedLoRA(adapter, targets: .named(names), origins: [base.path, tuned.path])
    modules = found.map {
      Module(name: $0.module.name, rank: $0.module.scale.rank, norm: $0.norm, error: $0.error)
    }
    unchangedCount = candidates.count - found.count
    self.others = others.names
    savesOthers = saved != nil
  }

  /// Refuses parameters that an adapter cannot have, or is not to have.
  private static func check(
    _ others: OtherDifferences, _ choice: ExtractionOptions.Others, path: String
  ) throws(CheckpointError) {
    let names = choice == .refused ? others.names : choice == .saved ? others.unsaved : []
    guard !names.isEmpty else { return }
    let list = names.prefix(namedCount).map(\.printable).joined(separator: ", ")
    let rest = names.count > namedCount ? " and \(names.count - namedCount) more" : ""
    let what =
      choice == .refused
      ? "differs in parameters that no low-rank update holds"
      : "differs in parameters that an adapter cannot save"
    throw CheckpointError(
      .unsupported, "\(what): \(list)\(rest)", path: path,
      remedy: choice == .refused ? .saveOrSkipOthers : .skipOthers)
  }
}
