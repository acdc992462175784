// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Kernels
internal import LowRank
internal import Tensors

/// Combines the factors of a module; nothing is read before they are written.
struct FactorCombination {
  let options: CombinationOptions
  let factors: ComputedFactors
  /// The number of adapters.
  let adapterCount: Int

  /// The factors next to each other, those of A multiplied by weight and scale
  /// (spec/adapter-algebra.md, AL32).
  func concatenated(_ module: ModuleUpdates) throws(CheckpointError) -> LowRankModule {
    let rank = module.ranks.reduce(0, +)
    let sizes = module.sizes(rank: rank)
    var (rows, columns): ([ComposedTensor.Piece], [ComposedTensor.Piece]) = ([], [])
    var first = 0
    for (update, own) in zip(module.updates, module.ranks) {
      let (a, b) = (update.module.a, update.module.b)
      rows.append(.init(a, at: a.sizes.indices.map { $0 == 0 ? first : 0 }, factor: update.factor))
      columns.append(.init(b, at: b.sizes.indices.map { $0 == 1 ? first : 0 }))
      first += own
    }
    let archive = try ComposedArchive(
      path: factors.path, format: CheckpointFormats.standard,
      tensors: [
        ComposedTensor("\(module.name): A", dtype: module.dtype, shape: sizes.a, pieces: rows),
        ComposedTensor("\(module.name): B", dtype: module.dtype, shape: sizes.b, pieces: columns),
      ])
    return module.module(
      try FactorView(archive, at: 0), try FactorView(archive, at: 1), rank: rank)
  }

  /// The factors combined element by element (spec/adapter-algebra.md, AL33 to AL36).
  ///
  /// - Throws: `unsupported` for factors of different ranks.
  func merged(_ module: ModuleUpdates) throws(CheckpointError) -> LowRankModule {
    let rank = module.ranks[0]
    guard module.ranks.allSatisfy({ $0 == rank }) else {
      let ranks = module.ranks.map { String($0) }.joined(separator: " and ")
      throw CheckpointError(
        .unsupported,
        "\(module.name.printable) has the ranks \(ranks), and the kind \(options.kind.rawValue) "
          + "combines factors of one rank", path: factors.path,
        hint: "cat, svd and the kinds that end in _svd combine all ranks")
    }
    let sizes = module.sizes(rank: rank)
    // The root of weight and scale for each factor; the sign is that of A.
    let roots = module.updates.map { $0.factor.magnitude.squareRoot() }
    let signed = zip(roots, module.updates).map { $1.factor < 0 ? -$0 : $0 }
    return module.module(
      try merged(
        "\(module.name): A", module.updates.map(\.matrices.a), signed, module, side: 0, sizes.a),
      try merged(
        "\(module.name): B", module.updates.map(\.matrices.b), roots, module, side: 1, sizes.b),
      rank: rank)
  }

  private func merged(
    _ name: String, _ views: [FactorView], _ weights: [Double], _ module: ModuleUpdates,
    side: Int, _ sizes: [Int]
  ) throws(CheckpointError) -> FactorView {
    let options = options
    let merge = ElementMerge(
      weights: weights, majoritySign: options.kind.electsSigns ? options.majoritySign : nil)
    let streams = module.updates.map { (module.index * adapterCount + $0.adapter) * 2 + side }
    return try factors.view(name, sizes: sizes, dtype: module.dtype) { () throws(CheckpointError) in
      var tensors: [[Double]] = []
      for (view, stream) in zip(views, streams) {
        var values = try view.finiteValues()
        switch options.kind.pruning {
        case nil: break
        case .magnitude: MagnitudePruning.prune(&values, density: options.density ?? 1)
        case .random:
          var pruning = RandomPruning(
            density: options.density ?? 1, seed: options.seed, stream: UInt64(stream))
          pruning.prune(&values)
        }
        tensors.append(values)
      }
      return merge(tensors, 0..<(tensors.first?.count ?? 0))
    }
  }
}

extension FactorView {
  /// The elements in row-major order.
  ///
  /// - Throws: `malformed` for elements that are infinite or NaN, and what reading throws.
  func finiteValues() throws(CheckpointError) -> [Double] {
    let values = try values(in: .float64)
    guard values.allSatisfy(\.isFinite) else {
      throw CheckpointError(
        .malformed, "has values that are infinite or NaN", path: archive.path, tensor: name)
    }
    return values
  }
}
