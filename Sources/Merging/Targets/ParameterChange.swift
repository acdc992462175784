// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank
internal import Tensors

/// What an adapter does to a parameter of the model in memory.
struct ParameterChange: Sendable {
  /// What happens to it.
  enum Kind: Sendable {
    /// Adds products of two factors: one for each expert of a stack, one for a matrix.
    case products([LowRankProduct])
    /// Changes a matrix in another way.
    case formula(@Sendable () throws(CheckpointError) -> WeightChange)
    /// Replaces it by a view of its shape.
    case replacement(FactorView)
    /// Replaces rows of a matrix.
    case rows([Int], FactorView)
  }

  let kind: Kind
  let rounding: MergedChange.Rounding
  /// The number of the adapter.
  let adapter: Int
  /// Whether modules that are tied to the parameter's have the change, too.
  var isShared = false
}

/// The matrices that a parameter is seen as.
struct ParameterShape: Sendable {
  /// The number of matrices: the experts of a stack, or 1.
  let experts: Int
  /// The rows of each.
  let rows: Int
  /// The columns.
  let width: Int

  /// Nil for extents above 63 bits.
  init?(_ shape: Shape, isStack: Bool) {
    var sizes = shape.dimensions.compactMap { Int(exactly: $0) }
    guard sizes.count == shape.rank, !sizes.isEmpty, !isStack || sizes.count == 3 else {
      return nil
    }
    experts = isStack ? sizes.removeFirst() : 1
    guard let width = FactorView.product(Array(sizes.dropFirst())),
      FactorView.product([experts, sizes[0], width]) != nil
    else { return nil }
    rows = sizes[0]
    self.width = width
  }
}

extension ParameterChange {
  /// The change of some rows of one of the matrices, or of all.
  ///
  /// - Parameters:
  ///   - expert: the number of the matrix.
  ///   - rows: the rows; nil for all.
  ///   - isTransposed: whether the rows become columns.
  /// - Throws: `unsupported` for a change that cannot be divided so, `mismatch` for a view that has
  ///   other extents.
  func part(
    expert: Int, rows: Range<Int>?, isTransposed: Bool, of shape: ParameterShape
  ) throws(CheckpointError) -> MergedChange {
    let kind: MergedChange.Kind
    switch self.kind {
    case .products(let products):
      kind = .product(
        try Self.part(of: products[expert], rows: rows, isTransposed: isTransposed))
    case .formula(let make):
      guard !isTransposed, shape.experts == 1 else { throw Self.indivisible }
      guard let rows else {
        kind = .other(make)
        break
      }
      let width = shape.width
      kind = .other { () throws(CheckpointError) in
        try Self.part(of: try make(), rows: rows, width: width)
      }
    case .replacement(let view):
      var part = try view.reshaped([shape.experts, shape.rows, shape.width])
        .subrange(axis: 0, expert..<expert + 1).reshaped([shape.rows, shape.width])
      if let rows { part = try part.subrange(axis: 0, rows) }
      kind = .replacement(isTransposed ? part.transposed() : part)
    case .rows(let indices, let view):
      guard rows == nil, !isTransposed, shape.experts == 1 else { throw Self.indivisible }
      kind = .rows(indices, view)
    }
    return MergedChange(kind, rounding: rounding, adapter: adapter)
  }

  private static func part(
    of product: LowRankProduct, rows: Range<Int>?, isTransposed: Bool
  ) throws(CheckpointError) -> LowRankProduct {
    let terms = try product.terms.map { term throws(CheckpointError) in
      let left =
        try rows.map { rows throws(CheckpointError) in
          try term.left.subrange(axis: 0, rows)
        } ?? term.left
      return isTransposed
        ? LowRankProduct.Term(
          left: term.right.transposed(), right: left.transposed(), scale: term.scale)
        : LowRankProduct.Term(left: left, right: term.right, scale: term.scale)
    }
    guard var magnitudes = product.magnitudes else { return LowRankProduct(terms) }
    if let rows {
      // The norms of columns need all rows.
      guard product.axis == .rows else { throw indivisible }
      magnitudes = try magnitudes.subrange(axis: 0, rows)
    }
    let isByRows = (product.axis == .rows) != isTransposed
    return LowRankProduct(terms, magnitudes: magnitudes, axis: isByRows ? .rows : .columns)
  }

  private static func part(
    of change: WeightChange, rows: Range<Int>, width: Int
  ) throws(CheckpointError) -> WeightChange {
    switch change {
    case .addition(let delta) where rows.upperBound <= delta.rowCount:
      return .addition(.matrix(delta.rows(rows)))
    case .scaling(let factors, let axis) where axis.stride == width:
      guard rows.upperBound <= factors.count else { throw indivisible }
      return .scaling(Array(factors[rows]), WeightAxis(stride: axis.stride, count: rows.count))
    case .scaling(_, let axis) where axis.stride == 1: return change
    default: throw indivisible
    }
  }

  private static var indivisible: CheckpointError {
    CheckpointError(
      .unsupported,
      "cannot be merged: the base model's files store the weight in parts or transposed, and a change of "
        + "this kind is one of the whole weight")
  }
}
