// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import PEFT
internal import Tensors

/// LoKr: Δ = scale · w1 ⊗ w2, each of which is a matrix or a product (spec/low-rank.md, U7).
struct LoKrUpdate: UpdateMethod {
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
    let left =
      module.has("lokr_w1")
      ? try whole("lokr_w1", of: module, arithmetic).matrix
      : try module.product("lokr_w1_a", "lokr_w1_b", rank: scale.rank, in: arithmetic)
    let (right, blocks) = try second(of: module, scale.rank, arithmetic)
    let delta = MatrixExpression.kronecker(left, right, blocks: blocks)
    let (count, overflow) = left.rowCount.multipliedReportingOverflow(by: right.rowCount)
    guard !overflow, !left.width.multipliedReportingOverflow(by: right.width).overflow else {
      throw module.misfit("lokr_w1", "is too large")
    }
    // With blocks, the rows of the product are those of a weight's first two extents.
    let rows = blocks == 1 ? count : left.rowCount * blocks
    try module.check(shape, rows: rows, of: delta)
    return [.addition(.scaled(delta, by: scale.scale))]
  }

  /// w2, and the blocks of the product.
  private func second(
    of module: ModuleTensors, _ rank: Int, _ arithmetic: FloatFormat
  ) throws(CheckpointError) -> (matrix: MatrixExpression, blocks: Int) {
    if module.has("lokr_w2") { return try whole("lokr_w2", of: module, arithmetic) }
    guard module.has("lokr_t2") else {
      return (
        try module.product("lokr_w2_a", "lokr_w2_b", rank: rank, in: arithmetic), 1
      )
    }
    return (
      try TuckerFactors.expression(
        module, core: "lokr_t2", outer: "lokr_w2_a", inner: "lokr_w2_b", rank: rank,
        in: arithmetic), 1
    )
  }

  /// A factor that is not itself a product.
  ///
  /// PEFT gives w1 no third extent for a w2 [out, in, k] of a one-dimensional convolution. Its
  /// product is then w1 ⊗ w2[o] for each o, one after the other.
  private func whole(
    _ leaf: String, of module: ModuleTensors, _ arithmetic: FloatFormat
  ) throws(CheckpointError) -> (matrix: MatrixExpression, blocks: Int) {
    let sizes = try module.sizes(of: leaf, rank: 2...4)
    let matrix = try module.matrix(leaf, in: arithmetic)
    return sizes.count == 3
      ? (.matrix(matrix.reshaped(width: sizes[2])), sizes[0]) : (.matrix(matrix), 1)
  }
}
