// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// Makes modules of pairs of factors, with new tensors where rows have another order or experts are
/// fused (spec/gguf-adapters.md, GA12 to GA14).
struct GGUFComposer {
  /// A factor as the file has it, or the number of a new tensor.
  private enum Factor {
    case view(FactorView)
    case composed(Int)
  }

  private struct Draft {
    let name: String
    let kind: LowRankModule.Kind
    let a: Factor
    let b: Factor
    let scale: LoRAScale
  }

  private let base: GGUFBase
  private let alpha: Double?
  private var tensors: [ComposedTensor] = []
  private var drafts: [Draft] = []

  init(_ base: GGUFBase, alpha: Double?) {
    self.base = base
    self.alpha = alpha
  }

  /// Adds a module of one matrix, or an embedding.
  ///
  /// - Throws: `mismatch` when the base model has another size.
  mutating func add(_ pair: GGUFPairs.Pair, at place: GGUFNames.Place) throws(CheckpointError) {
    let name = base.names.module(at: place)
    let (output, rank) = (pair.b.sizes[0], pair.b.sizes[1])
    if base.names.entries[place.index].isInput {
      let a = pair.a.transposed()
      try base.check(place, input: a.sizes[1], output: output)
      append(name, .embedding, .view(a), .view(pair.b), scale(rank))
      return
    }
    try base.check(place, input: pair.a.sizes[1], output: output)
    if base.names.entries[place.index].isParameter {
      let a = try pair.a.reshaped([1] + pair.a.sizes)
      let b = try pair.b.reshaped([1] + pair.b.sizes)
      append(name, .experts(count: 1, isTransposed: false), .view(a), .view(b), scale(rank))
      return
    }
    var b = Factor.view(pair.b)
    if let order = try base.order(of: place, rows: output) {
      b = compose(try order.inverse.tensor(name, pair.b, dtype: pair.b.dtype, factor: 1))
    }
    append(name, .linear, .view(pair.a), b, scale(rank))
  }

  /// Adds a parameter of stacked experts: of one tensor, or of a gate and an up projection.
  ///
  /// Two pairs with the same A share it. Others are put next to each other in a pair of the sum of
  /// their ranks.
  ///
  /// - Throws: `mismatch` when the base model has another size or two projections differ in theirs.
  mutating func addExperts(
    _ pairs: [GGUFPairs.Pair?], at place: GGUFNames.Place
  ) throws(CheckpointError) {
    let parts = pairs.compactMap(\.self)
    let name = base.names.module(at: place)
    let (count, input, size) = (parts[0].a.sizes[0], parts[0].a.sizes[2], parts[0].b.sizes[1])
    for part in parts
    where part.a.sizes[0] != count || part.a.sizes[2] != input || part.b.sizes[1] != size {
      throw CheckpointError(
        .mismatch, "the gate and the up projection of \(name) have different sizes",
        tensor: part.a.name)
    }
    let (output, overflow) = size.multipliedReportingOverflow(by: pairs.count)
    guard !overflow else {
      throw CheckpointError(.mismatch, "has too many rows", tensor: parts[0].b.name)
    }
    try base.check(place, input: input, output: output, experts: count)
    let kind = LowRankModule.Kind.experts(count: count, isTransposed: false)
    if pairs.count == 1 {
      append(name, kind, .view(parts[0].a), .view(parts[0].b), scale(parts[0].rank))
      return
    }
    var isShared = parts.count == 1
    if !isShared { isShared = try parts[0].hasSameA(as: parts[1]) }
    let rank = isShared ? parts[0].rank : parts.reduce(0) { $0 + $1.rank }
    let scales = parts.map { scale($0.rank).scale }
    let isUniform = scales.allSatisfy { $0 == scales[0] }
    var (a, b): ([ComposedTensor.Piece], [ComposedTensor.Piece]) = ([], [])
    var column = 0
    for (row, pair) in pairs.enumerated() {
      guard let pair else { continue }
      let factor = isUniform ? 1 : scale(pair.rank).scale
      a.append(.init(pair.a, at: [0, column, 0]))
      b.append(.init(pair.b, at: [0, row * size, column], factor: factor))
      if !isShared { column += pair.rank }
    }
    let dtype = parts[0].b.dtype
    let first =
      isShared
      ? Factor.view(parts[0].a)
      : compose(
        ComposedTensor(
          name + ".a", dtype: parts[0].a.dtype, shape: [count, rank, input], pieces: a))
    let second = compose(
      ComposedTensor(name + ".b", dtype: dtype, shape: [count, output, rank], pieces: b))
    append(
      name, kind, first, second,
      isShared
        ? scale(rank)
        : LoRAScale(
          rank: rank, alpha: Double(rank) * (isUniform ? scales[0] : 1),
          scale: isUniform ? scales[0] : 1))
  }

  /// The modules.
  func modules(path: String, format: any CheckpointFormat) throws(CheckpointError)
    -> [LowRankModule]
  {
    let archive = try ComposedArchive(path: path, format: format, tensors: tensors)
    func view(_ factor: Factor) throws(CheckpointError) -> FactorView {
      switch factor {
      case .view(let view): view
      case .composed(let index): try FactorView(archive, at: index)
      }
    }
    var modules: [LowRankModule] = []
    for draft in drafts {
      modules.append(
        LowRankModule(
          name: draft.name, kind: draft.kind, a: try view(draft.a), b: try view(draft.b),
          scale: draft.scale))
    }
    return modules
  }

  /// What llama.cpp scales a pair by: α over the rank, or 1 without an α.
  private func scale(_ rank: Int) -> LoRAScale {
    LoRAScale(rank: rank, alpha: alpha ?? Double(rank), isRankStabilized: false)
  }

  private mutating func compose(_ tensor: ComposedTensor) -> Factor {
    tensors.append(tensor)
    return .composed(tensors.count - 1)
  }

  private mutating func append(
    _ name: String, _ kind: LowRankModule.Kind, _ a: Factor, _ b: Factor, _ scale: LoRAScale
  ) {
    drafts.append(Draft(name: name, kind: kind, a: a, b: b, scale: scale))
  }
}
