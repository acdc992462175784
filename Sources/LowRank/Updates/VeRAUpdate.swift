// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import PEFT
internal import Tensors

/// VeRA: Δ = (λ_b · B) · (λ_d · A), with A and B common to all modules (spec/low-rank.md, U8).
struct VeRAUpdate: UpdateMethod {
  private let adapter: Adapter
  private let a: Int
  private let b: Int

  /// - Throws: `missing` when the file has no A and B: PEFT makes them again from a seed, which
  ///   needs torch.
  init(_ adapter: Adapter) throws(CheckpointError) {
    let weights = adapter.weights
    guard let a = weights.index(of: "base_model.vera_A"),
      let b = weights.index(of: "base_model.vera_B")
    else {
      throw CheckpointError(
        .missing,
        "has no base_model.vera_A and base_model.vera_B, which torch makes again from a seed",
        path: weights.path, hint: "save the adapter with \"save_projection\" true")
    }
    (self.adapter, self.a, self.b) = (adapter, a, b)
  }

  func changes(
    of module: ModuleTensors, as name: String, shape: Shape?, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    let d = try module.sizes(of: "vera_lambda_d", rank: 1...1)[0]
    let out = try module.sizes(of: "vera_lambda_b", rank: 1...1)[0]
    let (down, up) = (try shared(a, arithmetic), try shared(b, arithmetic))
    guard down.rowCount == d, up.width == d, up.rowCount >= out else {
      throw module.misfit(
        "vera_lambda_d",
        "has \(d) elements, but vera_A is \([down.rowCount, down.width]) and vera_B "
          + "\([up.rowCount, up.width])")
    }
    // The inputs of the module are not in the file.
    guard let shape else { return [] }
    let extents = shape.dimensions.compactMap { Int(exactly: $0) }
    guard extents.count == 2, extents.allSatisfy({ $0 > 0 }) else { throw module.misfit(shape) }
    let input = extents[0] == out ? extents[1] : extents[0]
    let orientations = WeightOrientation.candidates(
      shape, out: out, in: input, config: adapter.config)
    guard input <= down.width, !orientations.isEmpty else { throw module.misfit(shape) }
    let scaledUp = up.rows(0..<out).multiplied(
      elementwise: try module.matrix("vera_lambda_b", in: arithmetic)
        .tiled(rowCount: out, width: d))
    let scaledDown = down.columns(0..<input).multiplied(
      elementwise: try module.matrix("vera_lambda_d", in: arithmetic)
        .tiled(rowCount: d, width: input))
    return orientations.map { isTransposed in
      .addition(
        isTransposed
          ? .product(scaledDown.transposed, scaledUp.transposed)
          : .product(scaledUp, scaledDown))
    }
  }

  private func shared(
    _ index: Int, _ arithmetic: FloatFormat
  ) throws(CheckpointError) -> BoundedMatrix {
    let info = adapter.weights.tensor(at: index)
    let sizes = info.shape.dimensions.compactMap { Int(exactly: $0) }
    guard sizes.count == 2, sizes.allSatisfy({ $0 > 0 }) else {
      throw CheckpointError(
        .mismatch, "has the shape \(info.shape)", path: adapter.weights.path, tensor: info.name)
    }
    return BoundedMatrix(
      rowCount: sizes[0], width: sizes[1], values: try adapter.values(at: index, in: arithmetic),
      isExtended: arithmetic == .float64)
  }
}
