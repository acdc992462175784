// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// Combines the updates of a module and cuts the result to a rank (spec/adapter-algebra.md, AL37).
struct UpdateCombination {
  let options: CombinationOptions
  let factors: ComputedFactors
  /// The number of adapters.
  let adapterCount: Int
  /// The rank of the result, where the module is large enough for it.
  let rank: Int

  /// The most elements of an update that is computed in full: 8 GiB.
  private static let largestUpdate = 1 << 31

  /// Whether updates are computed in full.
  private var isDense: Bool {
    options.kind.prunes && (options.density ?? 1 < 1 || options.kind.electsSigns)
  }

  /// About how much memory a module takes, in bytes.
  ///
  /// - Throws: `unsupported` for an update that is too large to be computed in full.
  func byteCount(of module: ModuleUpdates) throws(CheckpointError) -> Int {
    let factors = (module.inputs + module.outputs) * module.ranks.reduce(0, +) * 32
    guard isDense else { return factors }
    let (count, overflow) = module.inputs.multipliedReportingOverflow(by: module.outputs)
    guard !overflow, count <= Self.largestUpdate else {
      throw CheckpointError(
        .unsupported,
        "\(module.name.printable) has \(module.outputs) outputs and \(module.inputs) inputs, and the "
          + "kind \(options.kind.rawValue) computes updates of at most \(Self.largestUpdate) elements",
        path: self.factors.path)
    }
    return factors + count * 4
  }

  /// The module with its new factors.
  ///
  /// - Throws: `malformed` for factors that are not finite; what reading throws.
  func cut(_ module: ModuleUpdates) throws(CheckpointError) -> LowRankModule {
    let rank = min(rank, module.inputs, module.outputs)
    let loaded = try LoadedUpdates(module)
    let (left, right): ([Double], [Double])
    if let pruning = options.kind.pruning, isDense {
      let dense = DenseCombination(
        loaded, options, pruning,
        streams: module.updates.map { (module.index * adapterCount + $0.adapter) * 2 })
      (left, right) = dense.combined().truncated(rank: rank, seed: options.seed)
    } else {
      let stacked = loaded.stacked()
      let svd = FactoredSVD(
        left: stacked.left, rowCount: module.outputs, right: stacked.right, width: module.inputs,
        rank: stacked.rank)
      (left, right) = svd.balanced(rank: rank)
    }
    let sizes = module.sizes(rank: rank)
    return module.module(
      try factors.view("\(module.name): A", right, sizes: sizes.a, dtype: module.dtype),
      try factors.view("\(module.name): B", left, sizes: sizes.b, dtype: module.dtype), rank: rank)
  }
}

/// The factors of the updates of a module in memory.
struct LoadedUpdates {
  let outputs: Int
  let inputs: Int
  let ranks: [Int]
  /// Weight times scale of each update.
  let factors: [Double]
  /// The weight of each update.
  let weights: [Double]
  /// The scale of each update.
  let scales: [Double]
  /// A [rank, inputs] of each update.
  private(set) var a: [[Double]] = []
  /// B [outputs, rank] of each update.
  private(set) var b: [[Double]] = []

  init(_ module: ModuleUpdates) throws(CheckpointError) {
    outputs = module.outputs
    inputs = module.inputs
    ranks = module.ranks
    factors = module.updates.map(\.factor)
    weights = module.updates.map(\.weight)
    scales = module.updates.map(\.module.scale.scale)
    for update in module.updates {
      a.append(try update.matrices.a.finiteValues())
      b.append(try update.matrices.b.finiteValues())
    }
  }

  /// The factors next to each other: their product is the weighted sum of the updates.
  func stacked() -> (left: [Double], right: [Double], rank: Int) {
    let rank = ranks.reduce(0, +)
    var left = [Double](repeating: 0, count: outputs * rank)
    var first = 0
    for (index, own) in ranks.enumerated() {
      for row in 0..<outputs {
        for r in 0..<own {
          left[row * rank + first + r] = b[index][row * own + r] * factors[index]
        }
      }
      first += own
    }
    return (left, a.flatMap(\.self), rank)
  }
}
