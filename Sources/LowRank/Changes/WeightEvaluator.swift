// SPDX-License-Identifier: Apache-2.0
public import Kernels

/// Computes a changed weight or a delta, some rows at a time, with the bound of each element.
public struct WeightEvaluator: Sendable {
  /// The change.
  public let change: WeightChange
  /// The number of rows of the weight, seen as a matrix.
  public let rowCount: Int
  /// The number of columns.
  public let width: Int
  /// The dtype of the computation that is bounded: F32 or F64.
  public let arithmetic: FloatFormat

  /// The norms of the normalization, once all rows were added.
  private var norms: [AxisNorm] = []

  /// Creates an evaluator.
  ///
  /// - Parameters:
  ///   - change: what the adapter changes.
  ///   - weight: the extents of the weight, which the change fits; each at least 1.
  ///   - arithmetic: F32 or F64.
  public init(_ change: WeightChange, weight: [Int], arithmetic: FloatFormat) {
    self.change = change
    self.arithmetic = arithmetic
    switch change {
    case .addition(let delta), .normalization(let delta, _, _):
      (rowCount, width) = (delta.rowCount, delta.width)
    case .scaling, .blocks:
      (rowCount, width) = (weight[0], weight.dropFirst().reduce(1, *))
    }
    if case .normalization(_, _, let axis) = change {
      norms = [AxisNorm](repeating: AxisNorm(), count: axis.count)
    }
  }

  /// Whether `measure` must see all rows before the first is computed.
  public var isMeasured: Bool { !norms.isEmpty }

  /// Adds rows of W + Δ to the norms.
  public mutating func measure(_ rows: Range<Int>, base: BoundedMatrix) {
    guard case .normalization(let delta, _, let axis) = change else { return }
    let sum = base.adding(delta.rows(rows))
    let errors = bounds(of: sum)
    for (offset, value) in sum.values.enumerated() {
      norms[axis.index(of: rows.lowerBound * width + offset)].add(value, error: errors[offset])
    }
  }

  /// Computes rows of the changed weight, or of the delta.
  ///
  /// - Parameters:
  ///   - rows: rows of the weight; others trap.
  ///   - base: the same rows of the weight; nil for the delta. A change that needs the base traps
  ///     without it.
  public func compute(
    _ rows: Range<Int>, base: BoundedMatrix?
  ) -> (values: BoundedMatrix, bounds: [Double]) {
    switch (change, base) {
    case (.addition(let delta), let base):
      let values = delta.rows(rows)
      let sum = base.map { $0.adding(values) } ?? values
      return (sum, bounds(of: sum))
    case (.scaling(let factors, let axis), let base?):
      let start = rows.lowerBound * width
      let product = base.multiplied(
        elementwise: BoundedMatrix(
          rowCount: rows.count, width: width,
          values: base.values.indices.map { factors[axis.index(of: start + $0)] },
          isExtended: base.isExtended))
      return (product, bounds(of: product))
    case (.blocks(let blocks), let base?):
      let sum = BoundedMatrix(
        joining: rows.map { row in
          let place = row - rows.lowerBound
          return Self.blockRow(row, base.rows(place..<place + 1), blocks)
        })
      return (sum, bounds(of: sum))
    case (.normalization(let delta, let magnitudes, let axis), let base?):
      return normalized(base.adding(delta.rows(rows)), from: rows, magnitudes, axis)
    case (_, nil):
      preconditionFailure("the change needs the weight")
    }
  }

  /// A row of W + W·B + B.
  private static func blockRow(
    _ row: Int, _ base: BoundedMatrix, _ blocks: [BoundedMatrix]
  ) -> BoundedMatrix {
    let (index, place) = row.quotientAndRemainder(dividingBy: blocks[0].rowCount)
    let block = blocks[index]
    let parts = base.reshaped(width: block.width)
    let change = parts.multiplied(by: block).adding(
      block.rows(place..<place + 1).tiled(rowCount: parts.rowCount, width: block.width))
    return parts.adding(change).reshaped(width: base.width)
  }

  private func normalized(
    _ sum: BoundedMatrix, from rows: Range<Int>, _ magnitudes: [Double], _ axis: WeightAxis
  ) -> (values: BoundedMatrix, bounds: [Double]) {
    let errors = bounds(of: sum)
    let unit = arithmetic.unitRoundoff
    let count = (rowCount * width) / axis.count
    var bounds = errors
    let start = rows.lowerBound * width
    let values = sum.mapped { offset, value in
      let index = axis.index(of: start + offset)
      let (norm, magnitude) = (norms[index].norm, magnitudes[index])
      let spread = norms[index].spread(of: count, unit: unit)
      let quotient = magnitude / norm
      let slack = errors[offset] * (1 + 3 * unit) + value.magnitude * (spread + 3 * unit)
      bounds[offset] =
        spread < 0.5
        ? quotient.magnitude * slack / (1 - spread) + arithmetic.smallestSubnormal
        : .greatestFiniteMagnitude
      return quotient * value
    }
    return (values, bounds)
  }

  /// γ · magnitude + underflows · η.
  private func bounds(of matrix: BoundedMatrix) -> [Double] {
    let loss = Double(matrix.roundings) * arithmetic.unitRoundoff
    let gamma = loss < 0.5 ? loss / (1 - loss) : .infinity
    let floor = matrix.underflows * arithmetic.smallestSubnormal
    return matrix.magnitudes.map { gamma * $0 + floor }
  }
}

/// The norm of the elements along an axis, and how far a computation of it may be off.
private struct AxisNorm: Sendable {
  private var squares = 0.0
  /// The rounding errors of `squares`.
  private var rest = 0.0
  private var errors = ScaledSquares()

  mutating func add(_ value: Double, error: Double) {
    let term = value * value
    let sum = squares + term
    let part = sum - squares
    rest += (squares - (sum - part)) + (term - part)
    squares = sum
    errors.add(error)
  }

  var norm: Double { (squares + rest).squareRoot() }

  /// The largest relative error of the norm of `count` elements, summed in any order
  /// (spec/low-rank.md, U13).
  func spread(of count: Int, unit: Double) -> Double {
    let norm = norm
    guard norm > 0 else { return .infinity }
    let loss = Double(count) * unit
    guard loss < 0.5 else { return .infinity }
    let summation = loss / (1 - loss) / 2 + 6 * unit
    return (errors.norm + (norm + errors.norm) * summation) / norm
  }
}
