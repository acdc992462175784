// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// Reads the pair of factors of a module, with its α and DoRA's magnitudes.
struct PairReader {
  let archive: any TensorArchive
  let module: String

  /// The update of the pair.
  ///
  /// - Parameters:
  ///   - a: [r, in] or [r, in, kernel…].
  ///   - b: [out, r] or [out, r, 1…].
  ///   - alpha: the tensor of α; nil for α = r.
  ///   - magnitude: the tensor of the magnitudes, [out] with dimensions of 1.
  ///   - kind: the kind of the module; nil if it is unknown.
  /// - Throws: `mismatch` for shapes that do not fit each other or the kind; what reading α throws.
  func update(
    a: FactorView, b: FactorView, alpha: Int?, magnitude: Int?, kind: BaseModule.Kind?
  ) throws(CheckpointError) -> LowRankModule {
    var (a, b) = (a, b)
    switch kind {
    case .linear, .transposedLinear:
      (a, b) = (try pointwise(a, dimensions: 0), try pointwise(b, dimensions: 0))
    case .convolution(let count):
      (a, b) = (try pointwise(a, dimensions: count), try pointwise(b, dimensions: count))
    default: break
    }
    guard (2...5).contains(a.sizes.count), a.sizes.count == b.sizes.count, a.sizes[0] > 0,
      b.sizes[1] == a.sizes[0], b.sizes.dropFirst(2).allSatisfy({ $0 == 1 })
    else {
      throw misfit("has the shape \(Shape(b.sizes)), which does not fit \(Shape(a.sizes))", b)
    }
    let rank = a.sizes[0]
    let value = try alpha.map { index throws(CheckpointError) in
      try AlphaTensor.value(of: index, in: archive)
    }
    let kernel = Array(a.sizes.dropFirst(2))
    return LowRankModule(
      name: module, kind: kernel.isEmpty ? .linear : .convolution(kernel: kernel), a: a, b: b,
      scale: LoRAScale(rank: rank, alpha: value ?? Double(rank), isRankStabilized: false),
      magnitude: try magnitude.map { index throws(CheckpointError) in
        try self.magnitude(FactorView(archive, at: index), count: b.sizes[0])
      })
  }

  /// A factor of a layer of this many dimensions of a kernel: some tools leave out those of 1, or
  /// add them.
  private func pointwise(
    _ view: FactorView, dimensions: Int
  ) throws(CheckpointError) -> FactorView {
    let kernel = view.sizes.dropFirst(2)
    guard view.sizes.count >= 2, kernel.count != dimensions, kernel.allSatisfy({ $0 == 1 }) else {
      return view
    }
    return try view.reshaped(Array(view.sizes[..<2]) + Array(repeating: 1, count: dimensions))
  }

  /// The magnitudes as a vector.
  func magnitude(_ view: FactorView, count: Int) throws(CheckpointError) -> FactorView {
    let isOfOutputs =
      view.elementCount == count
      && (view.sizes.first == count || view.sizes.count > 1 && view.sizes[1] == count)
    guard isOfOutputs else {
      throw CheckpointError(
        .unsupported,
        "has the shape \(Shape(view.sizes)): PEFT has one magnitude for each of the \(count) outputs",
        path: archive.path, tensor: view.name)
    }
    return try view.reshaped([count])
  }

  private func misfit(_ message: String, _ view: FactorView) -> CheckpointError {
    CheckpointError(.mismatch, message, path: archive.path, tensor: view.name)
  }
}
