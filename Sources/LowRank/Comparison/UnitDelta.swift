// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The comparison of the parts of two updates.
struct UnitDelta {
  /// How two parts compare.
  private enum Part {
    /// The factors are equal, up to rows of zeros: exactly, or up to one rounding.
    case same(isExact: Bool)
    /// The factors are equal, and the scales are not: the second is so many times the first.
    case scaled(Double)
    /// The factors differ.
    case other(DeltaDistance?)
  }

  let verdict: ModuleDelta.Verdict
  /// Relative to the larger norm.
  private(set) var distance: Double?
  private(set) var bound: Double?
  private(set) var norms: (left: Double, right: Double)?
  private(set) var slip: DeltaSlip?

  /// Compares two updates of the same shape.
  ///
  /// - Throws: what reading throws.
  init(_ left: DeltaUnit, _ right: DeltaUnit) throws(CheckpointError) {
    let quick = try zip(left.parts, right.parts).map { pair throws(CheckpointError) in
      try Self.compare(pair.0, pair.1, needsDistance: false)
    }
    var isExact = true
    var isSame = true
    var factors: [Double] = []
    for part in quick {
      switch part {
      case .same(let exact): isExact = isExact && exact
      case .scaled(let factor): factors.append(factor)
      case .other: isSame = false
      }
    }
    if isSame, factors.isEmpty {
      verdict = isExact ? .equal : .rounded
      distance = isExact ? 0 : nil
      return
    }
    if isSame, factors.count == quick.count, factors.allSatisfy({ $0 == factors[0] }) {
      verdict = .different
      distance = (1 - factors[0]).magnitude / max(1, factors[0].magnitude)
      slip = DeltaSlip.scale(off: factors[0], rank: left.rank)
      return
    }
    var distances: [DeltaDistance] = []
    for (index, part) in quick.enumerated() {
      var part = part
      switch part {
      case .same, .scaled:
        part = try Self.compare(left.parts[index], right.parts[index], needsDistance: true)
      case .other: break
      }
      guard case .other(let distance?) = part else {
        verdict = .notComparable
        return
      }
      distances.append(distance)
    }
    let sum = DeltaSum(distances)
    norms = sum.norms
    let larger = max(sum.norms.left, sum.norms.right)
    // The file that is rounded more.
    let bits = (
      left.parts.map(\.significandBitCount).min() ?? 0,
      right.parts.map(\.significandBitCount).min() ?? 0
    )
    let absolute =
      bits.0 < bits.1
      ? sum.bounds.left
      : bits.0 > bits.1 ? sum.bounds.right : max(sum.bounds.left, sum.bounds.right)
    distance = sum.difference == 0 ? 0 : sum.difference / larger
    bound = larger > 0 ? absolute / larger : 0
    guard sum.difference > absolute else {
      verdict = .withinBound
      return
    }
    verdict = .different
    if let multiple = sum.multiple, multiple.rest <= absolute * max(1, multiple.factor.magnitude),
      multiple.factor != 0
    {
      slip = DeltaSlip.scale(off: multiple.factor, rank: left.rank)
    } else {
      slip = try Self.slip(left, right, quick)
    }
  }

  private static func compare(
    _ left: DeltaPart, _ right: DeltaPart, needsDistance: Bool
  ) throws(CheckpointError) -> Part {
    let (l, r) = (try left.load(), try right.load())
    let rounding = left.rounding(to: right)
    if !needsDistance, let part = quickly(l, r, rounding) { return part }
    return .other(DeltaDistance((l.a, l.second), (r.a, r.second), rounding: rounding))
  }

  /// Compares equal factors; nil for others.
  private static func quickly(
    _ left: LoadedPart, _ right: LoadedPart, _ rounding: (a: FactorRounding, b: FactorRounding)
  ) -> Part? {
    guard left.scale.isFinite, right.scale.isFinite else { return nil }
    guard left.a.hasSameBytes(as: right.a), left.b.hasSameBytes(as: right.b) else {
      return same(left, right, rounding).map { .same(isExact: $0) }
    }
    if left.scale == right.scale { return .same(isExact: true) }
    guard left.isFinite else { return .other(nil) }
    if left.usedRows.isEmpty { return .same(isExact: true) }
    return left.scale == 0 ? nil : .scaled(right.scale / left.scale)
  }

  /// Whether equal factors are exactly equal; nil for others.
  private static func same(
    _ left: LoadedPart, _ right: LoadedPart, _ rounding: (a: FactorRounding, b: FactorRounding)
  ) -> Bool? {
    func agree(_ rows: (left: [Int], right: [Int])?) -> Bool? {
      let a = rounding.a.agreement(left.first, right.first, rows: rows)
      guard a != .none else { return nil }
      let b = rounding.b.agreement(left.second, right.second, rows: rows)
      return b == .none ? nil : a == .exact && b == .exact
    }
    if left.a.rank == right.a.rank, let isExact = agree(nil) { return isExact }
    let rows = (left.usedRows, right.usedRows)
    guard rows.0.count == rows.1.count,
      rows.0.count < max(left.a.rank, right.a.rank)
    else { return nil }
    return agree(rows)
  }

  /// The slip of the first part that differs, if it explains all parts that do.
  private static func slip(
    _ left: DeltaUnit, _ right: DeltaUnit, _ parts: [Part]
  ) throws(CheckpointError) -> DeltaSlip? {
    if try ExpertOrders(left, right).isMistaken { return .expertOrder }
    var found: DeltaSlip?
    for (index, part) in parts.enumerated() {
      guard case .other = part else { continue }
      let (l, r) = (left.parts[index], right.parts[index])
      let search = SlipSearch(
        left: try l.load(), right: try r.load(), rounding: l.rounding(to: r))
      guard let slip = search.slip, found == nil || found == slip else { return nil }
      found = slip
    }
    return found
  }
}

/// Sums over the parts of an update.
struct DeltaSum {
  let difference: Double
  let norms: (left: Double, right: Double)
  let bounds: (left: Double, right: Double)
  /// Of a single part.
  let multiple: (factor: Double, rest: Double)?

  init(_ distances: [DeltaDistance]) {
    func total(_ value: (DeltaDistance) -> Double) -> Double {
      var squares = ScaledSquares()
      for distance in distances {
        squares.add(FactoredSVD.scale(value(distance), by: distance.exponent))
      }
      return squares.norm
    }
    difference = total { $0.difference }
    norms = (total { $0.norms.left }, total { $0.norms.right })
    bounds = (total { $0.bounds.left }, total { $0.bounds.right })
    multiple =
      distances.count == 1
      ? distances[0].multiple.map { multiple in
        (multiple.factor, FactoredSVD.scale(multiple.rest, by: distances[0].exponent))
      } : Self.common(distances, norms.left)
  }

  /// The multiple that is the same for all parts.
  private static func common(
    _ distances: [DeltaDistance], _ norm: Double
  ) -> (factor: Double, rest: Double)? {
    guard let largest = distances.max(by: { $0.leftNorm < $1.leftNorm })?.multiple?.factor,
      largest.isFinite
    else { return nil }
    var squares = ScaledSquares()
    for distance in distances {
      // The rest for another multiple grows with the distance of the two.
      let own = distance.multiple ?? (largest, distance.norms.right)
      let shift = (own.factor - largest) * distance.norms.left
      squares.add(
        FactoredSVD.scale(
          (own.rest * own.rest + shift * shift).squareRoot(), by: distance.exponent))
    }
    return (largest, squares.norm)
  }
}

extension DeltaDistance {
  /// ‖Δ₁‖.
  fileprivate var leftNorm: Double { FactoredSVD.scale(norms.left, by: exponent) }
}
