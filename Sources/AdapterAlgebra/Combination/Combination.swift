// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import Files
internal import LowRank
internal import PEFT
public import Tensors

/// A LoRA adapter combined from several, as by PEFT's `add_weighted_adapter`
/// (spec/adapter-algebra.md, AL30 to AL39).
///
/// ```swift
/// let adapters = try ["a", "b"].map { path throws(CheckpointError) in
///   WeightedAdapter(try AdapterHomes.openWhole(BridgeSource(path: path)).adapter, weight: 0.5)
/// }
/// let combination = try Combination(of: adapters, CombinationOptions(kind: .ties, density: 0.2))
/// try combination.result.write(to: "both")
/// ```
public struct Combination: Sendable {
  /// What became of a module.
  public struct Module: Sendable, Hashable {
    /// The name in the base model.
    public let name: String
    /// The number of adapters that have the module.
    public let adapterCount: Int
    /// The rank of the result.
    public let rank: Int
    /// The Frobenius norm of the weighted sum of the updates.
    public let norm: Double
    /// ‖result − sum‖: 0 for `cat`, where only factors are rounded.
    public let difference: Double

    /// ‖result − sum‖ / ‖sum‖; nil where the sum is zero and the result is not.
    public var change: Double? { Combination.quotient(difference, norm) }
  }

  /// The adapter.
  public let result: ComputedLoRA
  /// What a user should know of the result, each one line.
  public let notes: [String]
  private let updates: [ModuleUpdates]
  private let isExact: Bool

  /// The memory that modules which are computed at the same time may take, in bytes.
  private static let memory = 256 << 20

  /// Combines adapters. One adapter alone is multiplied by its weight, whatever the kind.
  ///
  /// Factors that are combined are read when the result is written, a module at a time. Kinds that cut
  /// the rank compute at once; those of them that prune need one update in full, in F32. The bits do not
  /// depend on the CPU or the number of threads.
  ///
  /// - Parameters:
  ///   - adapters: the adapters with their weights, at least one.
  ///   - options: the kind of combination.
  ///   - output: where the adapter will be written: computed factors wait in a file without a name next
  ///     to it. They are in memory without.
  /// - Throws: `invalidArgument` for options that do not fit each other, and no adapters;
  ///   `unsupported` for what PEFT does not combine (AL38), by the name of the module or tensor;
  ///   `mismatch` for updates that do not fit each other; `malformed` for factors that are not
  ///   finite; what reading throws.
  /// - Complexity: O((inputs + outputs) · (sum of ranks)²) for each module; for kinds that prune and
  ///   cut the rank, O(inputs · outputs · rank) for each pass.
  public init(
    of adapters: [WeightedAdapter], _ options: CombinationOptions, output: String? = nil
  ) throws(CheckpointError) {
    try options.check()
    guard let first = adapters.first else { throw .invalidArgument("no adapter is given") }
    for adapter in adapters {
      guard adapter.weight.isFinite else {
        throw .invalidArgument("a weight must be finite, but is \(adapter.weight)")
      }
    }
    let targets = try CombinationTargets(adapters.map(\.adapter))
    let updates = try ModuleUpdates.all(of: adapters)
    let factors = try ComputedFactors(
      path: first.adapter.path, files: Self.files(of: adapters.map(\.adapter)),
      output: options.kind.cutsRank && adapters.count > 1 ? output : nil)
    var options = options
    if adapters.count == 1 { options = CombinationOptions(kind: .linear) }
    var combined = first.adapter
    combined.modules = try Self.modules(updates, options, factors, adapterCount: adapters.count)
    combined.others = targets.embeddings
    result = ComputedLoRA(
      combined, targets: targets.targets, origins: adapters.map(\.adapter.path))
    notes = targets.notes
    isExact = options.kind == .cat || adapters.count == 1
    self.updates = updates
  }

  private static func modules(
    _ updates: [ModuleUpdates], _ options: CombinationOptions, _ factors: ComputedFactors,
    adapterCount: Int
  ) throws(CheckpointError) -> [LowRankModule] {
    guard options.kind.cutsRank else {
      let combination = FactorCombination(
        options: options, factors: factors, adapterCount: adapterCount)
      var modules: [LowRankModule] = []
      for module in updates {
        modules.append(
          try options.kind == .cat ? combination.concatenated(module) : combination.merged(module))
      }
      return modules
    }
    let combination = UpdateCombination(
      options: options, factors: factors, adapterCount: adapterCount,
      rank: options.rank ?? updates.reduce(1) { max($0, $1.ranks.max() ?? 1) })
    var largest = 1
    for module in updates {
      largest = max(largest, try combination.byteCount(of: module))
    }
    let threads = max(1, min(AvailableCPUs.count, memory / largest))
    return try WorkerPool.map(updates.count, threads: threads) { index throws(CheckpointError) in
      try combination.cut(updates[index])
    }
  }

  /// The modules in the order of the adapters, with what became of them.
  ///
  /// - Throws: `malformed` for factors that are not finite; what reading throws.
  /// - Complexity: O((inputs + outputs) · (sum of ranks)²) for each module.
  public func modules() throws(CheckpointError) -> [Module] {
    let combined = result.adapter.modules
    let (updates, isExact) = (updates, isExact)
    return try WorkerPool.map(updates.count, threads: AvailableCPUs.count) {
      index throws(CheckpointError) in
      let distance = try UpdateDistance(
        of: isExact ? nil : combined[index], from: updates[index])
      return Module(
        name: combined[index].name, adapterCount: updates[index].updates.count,
        rank: combined[index].scale.rank, norm: distance.norm,
        difference: distance.difference)
    }
  }

  /// ‖result − sum‖ / ‖sum‖ of all modules together; nil where the sum is zero and the result is not.
  public static func change(of modules: [Module]) -> Double? {
    var (difference, norm) = (ScaledSquares(), ScaledSquares())
    for module in modules {
      difference.add(module.difference)
      norm.add(module.norm)
    }
    return quotient(difference.norm, norm.norm)
  }

  private static func quotient(_ difference: Double, _ norm: Double) -> Double? {
    difference == 0 ? 0 : norm == 0 ? nil : difference / norm
  }

  /// The files of the factors.
  private static func files(of adapters: [LowRankAdapter]) -> [InputFile] {
    var seen: Set<ObjectIdentifier> = []
    return adapters.flatMap(\.modules).flatMap { $0.a.archive.files + $0.b.archive.files }
      .filter { seen.insert(ObjectIdentifier($0)).inserted }
  }
}
