// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// The updates that several adapters have for one module.
struct ModuleUpdates: Sendable {
  /// The update of one adapter.
  struct Update: Sendable {
    /// The index of the adapter.
    let adapter: Int
    let module: LowRankModule
    /// The weight of the adapter times the scale of the module.
    let factor: Double
    /// The weight of the adapter.
    let weight: Double
    /// A [rank, inputs] and B [outputs, rank].
    let matrices: FactorMatrices
  }

  /// The largest sum of ranks: time and memory grow with its square.
  private static let largestRank = 8192

  /// The place of the module in the result.
  let index: Int
  private(set) var updates: [Update] = []

  /// The updates of all modules, in the order in which the adapters have them.
  ///
  /// - Throws: `mismatch` for updates of one module that are not of one kind and size, and for
  ///   factors that do not fit each other; `unsupported` for a scale that is not finite.
  static func all(of adapters: [WeightedAdapter]) throws(CheckpointError) -> [ModuleUpdates] {
    var all: [ModuleUpdates] = []
    var places: [String: Int] = [:]
    for (index, adapter) in adapters.enumerated() {
      for module in adapter.adapter.modules {
        let place = places[module.name] ?? all.count
        if place == all.count {
          places[module.name] = place
          all.append(ModuleUpdates(index: place))
        }
        try all[place].add(module, of: index, adapter)
      }
    }
    return all
  }

  private mutating func add(
    _ module: LowRankModule, of index: Int, _ adapter: WeightedAdapter
  ) throws(CheckpointError) {
    let path = adapter.adapter.path
    let factor = adapter.weight * module.scale.scale
    guard factor.isFinite else {
      throw CheckpointError(
        .unsupported, "\(module.name.printable) would be multiplied by \(factor)", path: path)
    }
    if let first = updates.first {
      let isSame =
        first.module.kind == module.kind
        && first.module.a.sizes.dropFirst() == module.a.sizes.dropFirst()
        && first.module.b.sizes[0] == module.b.sizes[0]
      guard isSame, first.adapter != index else {
        throw CheckpointError(
          .mismatch,
          "\(module.name.printable) has factors of the shapes \(module.a.sizes) and "
            + "\(module.b.sizes), and in \(first.module.a.archive.path.printable) of "
            + "\(first.module.a.sizes) and \(first.module.b.sizes)", path: path)
      }
    }
    guard module.a.elementCount > 0, module.b.elementCount > 0 else {
      throw CheckpointError(.unsupported, "\(module.name.printable) has empty factors", path: path)
    }
    let matrices = try module.matrices()[0]
    guard matrices.b.sizes[1] == matrices.a.sizes[0] else {
      throw CheckpointError(
        .mismatch, "\(module.name.printable) has factors of different ranks", path: path)
    }
    let total = matrices.a.sizes[0] + ranks.reduce(0, +)
    guard total <= Self.largestRank else {
      throw CheckpointError(
        .unsupported,
        "\(module.name.printable) has ranks that add up to \(total), more than \(Self.largestRank)",
        path: path)
    }
    updates.append(
      Update(
        adapter: index, module: module, factor: factor, weight: adapter.weight, matrices: matrices))
  }

  /// The name of the module in the base model.
  var name: String { updates[0].module.name }
  /// The size of the updates: inputs, unrolled for convolutions, and outputs.
  var inputs: Int { updates[0].matrices.a.sizes[1] }
  var outputs: Int { updates[0].matrices.b.sizes[0] }
  /// The ranks of the updates.
  var ranks: [Int] { updates.map { $0.matrices.a.sizes[0] } }

  /// The dtype that combined factors are written in: F32, or F64 if one of the factors is F64.
  var dtype: DType {
    updates.contains { $0.module.a.dtype == .float64 || $0.module.b.dtype == .float64 }
      ? .float64 : .float32
  }

  /// The module with other factors, whose scale is 1.
  ///
  /// - Parameters:
  ///   - a: [rank, inputs], of as many elements as A has.
  ///   - b: [outputs, rank].
  func module(_ a: FactorView, _ b: FactorView, rank: Int) -> LowRankModule {
    var module = updates[0].module
    module.a = a
    module.b = b
    module.scale = .init(rank: rank, alpha: Double(rank), isRankStabilized: false)
    return module
  }

  /// The sizes of factors of a rank, as the kind of module has them.
  func sizes(rank: Int) -> (a: [Int], b: [Int]) {
    let (a, b) = (updates[0].module.a.sizes, updates[0].module.b.sizes)
    return ([rank] + a.dropFirst(), [b[0], rank] + b.dropFirst(2))
  }
}
