// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Tensors

/// IA3: a factor for each output of a module, or for each input of a feedforward module
/// (spec/low-rank.md, U9).
struct IA3Update: UpdateMethod {
  private let config: AdapterConfig

  init(_ adapter: Adapter) { config = adapter.config }

  func changes(
    of module: ModuleTensors, as name: String, shape: Shape?, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    let sizes = try module.sizes(of: "ia3_l", rank: 2...5)
    let factors = try module.values(of: "ia3_l", in: arithmetic)
    guard let shape else { return [] }
    let extents = shape.dimensions.compactMap { Int(exactly: $0) }
    guard extents.count == sizes.count, extents.count == shape.rank,
      extents.allSatisfy({ $0 > 0 })
    else { throw module.misfit(shape) }
    let dimensions = dimensions(of: module, sizes, extents, factors.count)
    guard !dimensions.isEmpty else { throw module.misfit(shape) }
    return dimensions.map { dimension in
      .scaling(
        factors,
        WeightAxis(
          stride: extents.dropFirst(dimension + 1).reduce(1, *), count: extents[dimension]))
    }
  }

  /// The dimension of the weight that the factors go along, the likeliest first.
  ///
  /// They are [out, 1], or [1, in] of a feedforward module; those of a convolution are [1, channels,
  /// 1, …] for either. In a `Conv1D` the dimensions of the weight are exchanged.
  private func dimensions(
    of module: ModuleTensors, _ sizes: [Int], _ extents: [Int], _ count: Int
  ) -> [Int] {
    let isConvolution = sizes.count > 2
    let isInput =
      isConvolution ? isFeedforward(module.name) : sizes[1] == count && sizes[0] == 1
    let isExchanged = !isConvolution && config.document["fan_in_fan_out"]?.bool ?? false
    let likeliest = isInput == isExchanged ? 0 : 1
    // The config tells the dimension of a convolution for certain.
    let candidates = isConvolution ? [likeliest] : [likeliest, 1 - likeliest]
    return candidates.filter { extents[$0] == count }
  }

  /// Whether `feedforward_modules` names a module, as PEFT matches it.
  private func isFeedforward(_ module: String) -> Bool {
    guard let value = config.document["feedforward_modules"] else { return false }
    if let pattern = value.string {
      var budget = 1_000_000
      let expression = ModulePattern("^(?:\(pattern))$", matching: .anywhere)
      return expression.matches(module, budget: &budget) ?? false
    }
    return (value.array ?? []).compactMap(\.string).contains { module.hasSuffix($0) }
  }
}
