// SPDX-License-Identifier: Apache-2.0

/// A matrix of F64 numbers, each with what bounds the rounding errors of other computations of it.
///
/// A computation in F32 or F64, with its sums in any order, keeps every element within
/// γ · magnitude + underflows · η of the exact value, where γ = k·u / (1 − k·u), k = ``roundings``,
/// and u and η are the unit roundoff and the smallest subnormal of its dtype
/// (spec/low-rank.md, U10 and U11).
public struct BoundedMatrix: Sendable {
  /// The number of rows.
  public let rowCount: Int
  /// The number of columns.
  public let width: Int
  /// The elements, row-major.
  public internal(set) var values: [Double]
  /// What the exact elements exceed `values` by; empty unless the matrix is extended.
  public internal(set) var lower: [Double]
  /// The elements with all additions and factors replaced by their magnitudes.
  public internal(set) var magnitudes: [Double]
  /// k: the most roundings that one term of an element goes through.
  public internal(set) var roundings: Int
  /// The largest error by products that underflow, in units of η.
  public internal(set) var underflows: Double
  /// The largest magnitude of an intermediate result.
  public internal(set) var peak: Double

  /// Creates a matrix of exact elements.
  ///
  /// - Parameters:
  ///   - rowCount: the number of rows.
  ///   - width: the number of columns.
  ///   - values: `rowCount` × `width` elements, row-major; another number traps.
  ///   - isExtended: whether products are to be computed to about 104 bits.
  public init(rowCount: Int, width: Int, values: [Double], isExtended: Bool = false) {
    precondition(values.count == rowCount * width, "a matrix has rows of equal width")
    self.rowCount = rowCount
    self.width = width
    self.values = values
    lower = isExtended ? [Double](repeating: 0, count: values.count) : []
    magnitudes = values.map(\.magnitude)
    roundings = 0
    underflows = 0
    peak = magnitudes.max() ?? 0
  }

  /// A copy of some rows.
  public func rows(_ range: Range<Int>) -> BoundedMatrix {
    let places = range.lowerBound * width..<range.upperBound * width
    var part = BoundedMatrix(
      rowCount: range.count, width: width, values: Array(values[places]),
      lower: lower.isEmpty ? [] : Array(lower[places]), magnitudes: Array(magnitudes[places]))
    (part.roundings, part.underflows, part.peak) = (roundings, underflows, peak)
    return part
  }

  /// The rows of several matrices of one width, one after the other.
  ///
  /// - Parameter parts: matrices that are all extended or all not; other ones trap.
  public init(joining parts: [BoundedMatrix]) {
    precondition(
      parts.allSatisfy { $0.width == parts[0].width && $0.lower.isEmpty == parts[0].lower.isEmpty })
    guard parts.count != 1 else {
      self = parts[0]
      return
    }
    self.init(
      rowCount: parts.reduce(0) { $0 + $1.rowCount }, width: parts.first?.width ?? 0,
      values: parts.flatMap(\.values), lower: parts.flatMap(\.lower),
      magnitudes: parts.flatMap(\.magnitudes))
    roundings = parts.map(\.roundings).max() ?? 0
    underflows = parts.map(\.underflows).max() ?? 0
    peak = parts.map(\.peak).max() ?? 0
  }

  init(rowCount: Int, width: Int, values: [Double], lower: [Double], magnitudes: [Double]) {
    self.rowCount = rowCount
    self.width = width
    self.values = values
    self.lower = lower
    self.magnitudes = magnitudes
    roundings = 0
    underflows = 0
    peak = 0
  }

  /// Whether elements are computed to about 104 bits, and not to 53.
  public var isExtended: Bool { !lower.isEmpty }

  /// The largest magnitude; 0 without elements. Not a NaN.
  var largest: Double { magnitudes.reduce(0) { max($0, $1) } }
}
