// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
public import Tensors

/// What two low-rank adapters compute, compared module by module, whatever kinds of files they come
/// from (spec/deltas.md).
public struct DeltaComparison: Sendable {
  /// The modules in the order of the first adapter, then those that only the second one changes, then
  /// values that are not updates.
  public let modules: [ModuleDelta]

  /// Whether nothing but rounding differs.
  public var isSame: Bool { modules.allSatisfy(\.isSame) }

  /// The memory that the factors of modules that are compared at the same time may take, in bytes.
  private static let memory = 72 << 20

  /// Compares two adapters, several modules at a time.
  ///
  /// - Throws: `unsupported` for a dtype that is not computed in, and what reading throws.
  /// - Complexity: O((inputs + outputs) · rank²) for each module whose factors differ.
  public init(_ left: DeltaSource, _ right: DeltaSource) throws(CheckpointError) {
    let pairing = try DeltaPairing(left.units, right.units)
    let pairs = pairing.pairs
    let largest =
      pairs.map { pair in
        2
          * zip(pair.left.parts, pair.right.parts)
          .reduce(0) { $0 + $1.0.byteCount + $1.1.byteCount }
      }.max() ?? 1
    let threads = max(1, min(AvailableCPUs.count, Self.memory / max(1, largest)))
    var deltas = try WorkerPool.map(pairs.count, threads: threads) {
      index throws(CheckpointError) in
      try ModuleDelta(pairs[index].left, pairs[index].right)
    }
    deltas += pairing.onlyLeft.map { ModuleDelta($0.name, .onlyFirst) }
    var search = OtherModules(
      left: pairs.map(\.left) + pairing.onlyLeft, right: pairs.map(\.right) + pairing.onlyRight)
    for index in deltas.indices where !deltas[index].isSame && deltas[index].slip == nil {
      deltas[index].slip = try search.slip(of: index)
    }
    deltas += pairing.onlyRight.map { ModuleDelta($0.name, .onlySecond) }
    modules =
      try deltas + Self.scales(left.scales, right.scales)
      + Self.values(pairs, left.others, right.others)
  }
}

extension DeltaComparison {
  /// Compares two adapters in canonical form.
  ///
  /// - Throws: `mismatch` for factors that do not fit each other, and as `init(_:_:)` of sources.
  public init(_ left: LowRankAdapter, _ right: LowRankAdapter) throws(CheckpointError) {
    try self.init(DeltaSource(left), DeltaSource(right))
  }
}
