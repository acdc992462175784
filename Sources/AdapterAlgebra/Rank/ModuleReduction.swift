// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The update of a module at a lower rank.
struct ModuleReduction: Sendable {
  /// The module with its new factors; as it was if its rank does not change.
  let module: LowRankModule
  /// The singular values of B · A, without the scale.
  let spectrum: Spectrum

  /// - Throws: `malformed` for factors that are not finite, and what reading throws.
  init(
    _ module: LowRankModule, to target: RankTarget, _ factors: ComputedFactors
  ) throws(CheckpointError) {
    let own = module.scale.rank
    let parts = try module.matrices()
    // Those of stacked experts are decomposed again when the rank is known: their vectors together
    // may be large.
    let first = parts.count == 1 ? try parts[0].decomposed() : nil
    spectrum = Spectrum(
      try parts.map { part throws(CheckpointError) in
        if let first { first.values } else { try part.decomposed(formsVectors: false).values }
      })
    let rank = target.rank(for: own, spectrum)
    guard rank < own else {
      self.module = module
      return
    }
    var (a, b): ([Double], [Double]) = ([], [])
    for part in parts {
      let svd = if let first { first } else { try part.decomposed() }
      let balanced = svd.balanced(rank: rank)
      a += balanced.right
      b += balanced.left
    }
    var reduced = module
    reduced.a = try factors.view(
      "\(module.name): A", a, sizes: module.a.sizes.with(rank, at: module.rankAxis),
      dtype: module.a.dtype)
    reduced.b = try factors.view(
      "\(module.name): B", b, sizes: module.b.sizes.with(rank, at: module.rankAxis + 1),
      dtype: module.b.dtype)
    let scale = module.scale.scale
    reduced.scale = LoRAScale(rank: rank, alpha: scale * Double(rank), scale: scale)
    self.module = reduced
  }
}

/// The factors of one matrix: A [rank, inputs] and B [outputs, rank].
struct FactorMatrices {
  let a: FactorView
  let b: FactorView

  /// Decomposes B · A.
  ///
  /// - Throws: `malformed` for factors that are not finite, and what reading throws.
  func decomposed(formsVectors: Bool = true) throws(CheckpointError) -> FactoredSVD {
    FactoredSVD(
      left: try Self.values(of: b), rowCount: b.sizes[0], right: try Self.values(of: a),
      width: a.sizes[1], rank: a.sizes[0], formsVectors: formsVectors)
  }

  private static func values(of view: FactorView) throws(CheckpointError) -> [Double] {
    let values = try view.values(in: .float64)
    guard values.allSatisfy(\.isFinite) else {
      throw CheckpointError(
        .malformed, "has values that are infinite or NaN", path: view.archive.path,
        tensor: view.name)
    }
    return values
  }
}

extension LowRankModule {
  /// The dimension of A that is the rank; that of B is the next one.
  var rankAxis: Int { isOfExperts ? 1 : 0 }

  /// The factors as matrices, one pair for each expert; kernels of convolutions are unrolled.
  ///
  /// - Throws: `mismatch` for factors that do not fit each other.
  func matrices() throws(CheckpointError) -> [FactorMatrices] {
    guard case .experts(let count, _) = kind else {
      let inputs = a.sizes.dropFirst().reduce(1, *)
      return [
        FactorMatrices(
          a: try a.reshaped([a.sizes[0], inputs]), b: try b.reshaped([b.sizes[0], b.sizes[1]]))
      ]
    }
    return try (0..<count).map { expert throws(CheckpointError) in
      FactorMatrices(
        a: try a.subrange(axis: 0, expert..<expert + 1).reshaped(Array(a.sizes.dropFirst())),
        b: try b.subrange(axis: 0, expert..<expert + 1).reshaped(Array(b.sizes.dropFirst())))
    }
  }
}

extension [Int] {
  /// The sizes with another number in one dimension.
  fileprivate func with(_ size: Int, at axis: Int) -> [Int] {
    var sizes = self
    sizes[axis] = size
    return sizes
  }
}
