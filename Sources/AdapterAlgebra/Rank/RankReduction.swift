// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Bridges
internal import Concurrency
internal import Files
public import LowRank
internal import PEFT
public import Tensors

/// A LoRA adapter of lower ranks, with the error of each module (spec/adapter-algebra.md, AL10 to
/// AL15).
///
/// ```swift
/// let source = try AdapterHomes.openWhole(BridgeSource(path: "my-adapter")).adapter
/// let reduction = try RankReduction(of: source, to: .rank(16))
/// try reduction.result.write(to: "smaller")
/// ```
public struct RankReduction: Sendable {
  /// What became of a module.
  public struct Module: Sendable, Hashable {
    /// The name in the base model.
    public let name: String
    /// The rank before.
    public let oldRank: Int
    /// The rank after.
    public let rank: Int
    /// ‖Δ‖, the Frobenius norm of the update before.
    public let norm: Double
    /// ‖new − old‖ / ‖old‖: the root of the sum of the squared singular values that were dropped, in
    /// parts of the norm. Rounding to the dtype of the factors is not in it.
    public let error: Double
  }

  /// The adapter.
  public let result: ComputedLoRA
  /// The modules in the order of the source.
  public let modules: [Module]
  /// What a user should know of the result, each one line.
  public let notes: [String]

  /// The relative error of all updates together.
  public var error: Double {
    var (all, lost) = (ScaledSquares(), ScaledSquares())
    for module in modules {
      all.add(module.norm)
      lost.add(module.norm * module.error)
    }
    return all.norm > 0 ? lost.norm / all.norm : 0
  }

  /// The memory that modules which are computed at the same time may take, in bytes.
  private static let memory = 256 << 20

  /// Compresses an adapter: QR of both factors and a small singular value decomposition for each
  /// module, in F64. The bits do not depend on the CPU or the number of threads.
  ///
  /// Modules whose rank does not change keep their factors. The other factors keep their dtypes, and
  /// each gets the root of each singular value; the effective scales stay as they are.
  ///
  /// - Parameters:
  ///   - adapter: the adapter.
  ///   - target: the ranks.
  ///   - output: where the adapter will be written: the factors wait in a file without a name next to
  ///     it. They are in memory without.
  /// - Throws: `invalidArgument` for a target that is not possible, `unsupported` for an adapter that
  ///   is not LoRA, is of several models, or changes the base model's weights when PEFT loads it;
  ///   `malformed` for factors that are not finite; what reading throws.
  /// - Complexity: O((inputs + outputs) · rank² + rank³) for each module.
  public init(
    of adapter: LowRankAdapter, to target: RankTarget, output: String? = nil
  ) throws(CheckpointError) {
    try target.check()
    try adapter.requireLoRA(toBe: "compressed", advice: "each is compressed by itself")
    let factors = try ComputedFactors(
      path: adapter.path, files: Self.files(of: adapter), output: output)
    let modules = adapter.modules
    let largest = modules.map { ($0.a.elementCount + $0.b.elementCount) * 32 }.max() ?? 1
    let threads = max(1, min(AvailableCPUs.count, Self.memory / max(1, largest)))
    let reduced = try WorkerPool.map(modules.count, threads: threads) {
      index throws(CheckpointError) in
      try ModuleReduction(modules[index], to: target, factors)
    }
    var computed = adapter
    computed.modules = reduced.map(\.module)
    result = ComputedLoRA(computed, targets: .kept, origins: [adapter.path])
    self.modules = zip(modules, reduced).map { module, reduced in
      Module(
        name: module.name, oldRank: module.scale.rank, rank: reduced.module.scale.rank,
        norm: reduced.spectrum.norm * module.scale.scale.magnitude,
        error: reduced.spectrum.error(atRank: reduced.module.scale.rank))
    }
    let normalized = modules.count { $0.magnitude != nil }
    notes =
      normalized == 0
      ? []
      : [
        "\(Sizes.count(normalized, "module")) with DoRA: the magnitudes are kept, and the norms that "
          + "they are divided by change with the updates"
      ]
  }

  /// The files of the factors.
  private static func files(of adapter: LowRankAdapter) -> [InputFile] {
    var seen: Set<ObjectIdentifier> = []
    return adapter.modules.flatMap { $0.a.archive.files + $0.b.archive.files }
      .filter { seen.insert(ObjectIdentifier($0)).inserted }
  }
}
