// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import Tensors

extension MergedTensor {
  /// Describes the tensor as it is written, if everything about it fits.
  ///
  /// - Throws: `mismatch` for regions and factors that do not fit; `unsupported` for a dtype that is not
  ///   computed in.
  func checkedInfo(in base: any TensorArchive) throws(CheckpointError) -> TensorInfo {
    let info = try TensorInfo(name: name, dtype: dtype, shape: Shape(shape))
    guard dtype.byteCount != nil, let count = FactorView.product(shape),
      width > 0 ? count % width == 0 : count == 0
    else { throw misfit("its shape \(Shape(shape)) is not rows of \(width) elements") }
    var sourceRowCount = 0
    if let source {
      let stored = base.tensor(at: source)
      guard stored.dtype == dtype, width > 0, stored.elementCount % width == 0,
        stored.elementCount / width <= rowCount
      else {
        throw misfit("\(stored.dtype) \(stored.shape) does not become \(dtype) \(info.shape)")
      }
      sourceRowCount = stored.elementCount / width
    }
    var row = 0
    for region in regions.sorted(by: { $0.rows.lowerBound < $1.rows.lowerBound }) {
      guard region.rows.lowerBound >= row, region.rows.upperBound <= rowCount,
        region.rows.lowerBound <= max(row, sourceRowCount)
      else { throw misfit("it has no rows \(region.rows) for \(region.module)") }
      row = region.rows.upperBound
      if row > sourceRowCount, !region.rows.isEmpty {
        guard region.rows.lowerBound >= sourceRowCount, region.changes.first?.replacesAll == true
        else { throw misfit("the rows \(region.rows) are not those of a tensor and not replaced") }
      }
      for change in region.changes { try change.check(region, in: self) }
    }
    guard max(row, sourceRowCount) == rowCount else {
      throw misfit("nothing gives its rows from \(max(row, sourceRowCount)) on")
    }
    return info
  }

  /// The archives of the factors.
  var archives: [any TensorArchive] {
    regions.flatMap { $0.changes.flatMap(\.views) }.map(\.archive)
  }

  fileprivate func misfit(_ message: String) -> CheckpointError {
    CheckpointError(.mismatch, "cannot be merged: \(message)")
  }
}

extension MergedChange {
  /// Whether no element is left as it was.
  fileprivate var replacesAll: Bool {
    if case .replacement = kind { true } else { false }
  }

  /// The views of the change.
  fileprivate var views: [FactorView] {
    switch kind {
    case .product(let product):
      product.terms.flatMap { [$0.left, $0.right] } + [product.magnitudes].compactMap(\.self)
    case .other: []
    case .replacement(let view), .rows(_, let view): [view]
    }
  }

  /// - Throws: `mismatch` for factors that do not fit a region; `unsupported` for a dtype that is not
  ///   computed in.
  fileprivate func check(
    _ region: MergedRegion, in tensor: MergedTensor
  ) throws(CheckpointError) {
    let rowCount = region.rows.count
    let fits: Bool
    switch kind {
    case .product(let product):
      _ = try Self.format(tensor.dtype)
      let count = product.axis == .rows ? rowCount : tensor.width
      fits =
        !product.terms.isEmpty
        && product.terms.allSatisfy { term in
          term.left.sizes.count == 2 && term.left.sizes[0] == rowCount
            && term.right.sizes == [term.left.sizes[1], tensor.width]
        } && product.magnitudes.map { $0.sizes == [count] } ?? true
    case .other:
      _ = try Self.format(tensor.dtype)
      fits = true
    case .replacement(let view):
      fits = view.elementCount == FactorView.product([rowCount, tensor.width])
    case .rows(let indices, let view):
      fits =
        view.sizes == [indices.count, tensor.width]
        && indices.allSatisfy { 0..<rowCount ~= $0 }
    }
    guard fits else {
      throw tensor.misfit(
        "what \(region.module) changes is not of its rows \(region.rows) of \(tensor.width)")
    }
  }
}
