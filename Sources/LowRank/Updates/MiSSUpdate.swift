// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import PEFT
internal import Tensors

/// MiSS: Δ repeats a block [r, out] along the inputs, or a block [r, mini_r] along inputs and outputs;
/// in the variant bat, square blocks transform W (spec/low-rank.md, U9).
struct MiSSUpdate: UpdateMethod {
  init(_ adapter: Adapter) {}

  func changes(
    of module: ModuleTensors, as name: String, shape: Shape?, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    let sizes = try module.sizes(of: "miss_block", rank: 2...3)
    let block = try module.matrix("miss_block", in: arithmetic)
    guard let shape else { return [] }
    guard shape.rank == 2, let out = Int(exactly: shape.dimensions[0]),
      let input = Int(exactly: shape.dimensions[1]), input > 0, out > 0
    else { throw module.misfit(shape) }
    guard sizes.count == 3 else {
      guard out % sizes[1] == 0, input >= sizes[0] else { throw module.misfit(shape) }
      return [.addition(.tiled(block.transposed, rowCount: out, width: input))]
    }
    guard sizes[1] == sizes[2], out == sizes[0] * sizes[1], input % sizes[1] == 0 else {
      throw module.misfit(shape)
    }
    let square = block.reshaped(width: sizes[2])
    return [
      .blocks((0..<sizes[0]).map { square.rows($0 * sizes[1]..<($0 + 1) * sizes[1]) })
    ]
  }
}
