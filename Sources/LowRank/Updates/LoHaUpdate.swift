// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import PEFT
internal import Tensors

/// LoHa: Δ = scale · (w1_a · w1_b) ∘ (w2_a · w2_b) (spec/low-rank.md, U6).
struct LoHaUpdate: UpdateMethod {
  private let scales: SharedScales

  init(_ adapter: Adapter) {
    scales = SharedScales(adapter, alphaKey: "alpha")
  }

  func scale(of name: String) throws(CheckpointError) -> LoRAScale? {
    try scales.scale(of: name)
  }

  func changes(
    of module: ModuleTensors, as name: String, shape: Shape?, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    let scale = try scales.scale(of: name)
    let first = try factor(1, of: module, scale.rank, arithmetic)
    let second = try factor(2, of: module, scale.rank, arithmetic)
    guard first.rowCount == second.rowCount, first.width == second.width else {
      throw module.misfit("hada_w2_a", "has other sizes than hada_w1_a")
    }
    try module.check(shape, rows: first.rowCount, of: first)
    // PEFT keeps the scale in F32, also beside factors in F64.
    return [.addition(.scaled(.hadamard(first, second), by: Double(Float(scale.scale))))]
  }

  private func factor(
    _ number: Int, of module: ModuleTensors, _ rank: Int, _ arithmetic: FloatFormat
  ) throws(CheckpointError) -> MatrixExpression {
    let (a, b, core) = ("hada_w\(number)_a", "hada_w\(number)_b", "hada_t\(number)")
    guard module.has(core) else {
      return try module.product(a, b, rank: rank, in: arithmetic)
    }
    return try TuckerFactors.expression(
      module, core: core, outer: a, inner: b, rank: rank, in: arithmetic)
  }
}
