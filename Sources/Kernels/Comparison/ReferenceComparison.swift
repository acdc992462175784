// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A comparison of a reference with computed values, piece by piece.
///
/// Where rounding is left open, each element of either side must be within the bound of its element
/// (``BoundedMatrix``), which a reference in BF16 or F16 exceeds by its own rounding. The computed
/// values are those of the matrix, rounded to the format of the reference.
public struct ReferenceComparison: Sendable {
  /// The result so far.
  public private(set) var report: NumericReport
  /// The comparison by `torch.allclose`, if there is one.
  public private(set) var tolerance: ToleranceComparison?
  /// The first elements that are not close, at most eight.
  public private(set) var distantElements: [NumericReport.Element] = []

  private let format: FloatFormat
  private var place = 0

  /// Creates an empty comparison.
  ///
  /// - Parameters:
  ///   - format: the format of the reference.
  ///   - elementCount: the number of its elements.
  ///   - tolerance: an empty comparison, which then has the last word.
  public init(format: FloatFormat, elementCount: Int, tolerance: ToleranceComparison? = nil) {
    self.format = format
    self.tolerance = tolerance
    report = NumericReport(format: format, elementCount: elementCount)
  }

  /// Compares the elements that follow those compared so far.
  ///
  /// - Parameters:
  ///   - reference: as many elements as `rows` has; another number traps.
  ///   - rows: the computed elements, in F64.
  ///   - bounds: for each element, how far a result in the dtype of the computation may be from it.
  /// - Complexity: O(elements).
  public mutating func add(_ reference: RawSpan, rows: BoundedMatrix, bounds: [Double]) {
    precondition(
      reference.byteCount == rows.values.count * format.byteCount
        && bounds.count == rows.values.count, "a reference has an element for each of the matrix")
    let peakOverflows = rows.peak >= format.computation.largest
    for offset in bounds.indices {
      let value = rows.values[offset]
      let theirs = format.bits(of: offset, in: reference)
      let ours = format.bits(rounding: value.isNaN ? .nan : value)
      let distance = theirs == ours ? 0 : format.ulpDistance(theirs, ours)
      if distance == 0 { report.equalCount += 1 }
      let limit = Limit(
        value: value, lower: rows.lower.isEmpty ? 0 : rows.lower[offset],
        bound: bounds[offset], format: format, peakOverflows: peakOverflows)
      judge(
        NumericReport.Element(
          index: place + offset, reference: format.value(ofBits: theirs),
          computed: format.value(ofBits: ours)), limit, distance: distance)
    }
    if tolerance != nil {
      addTolerance(reference, computed: rows.values.map { format.bits(rounding: $0) })
    }
    place += bounds.count
  }

  /// Compares the elements that follow with values that must be equal.
  ///
  /// - Parameters:
  ///   - reference: elements of the format.
  ///   - values: as many elements of `source`, which are rounded to the format; another number
  ///     traps.
  ///   - source: the format of the values.
  /// - Complexity: O(elements).
  public mutating func add(_ reference: RawSpan, equalTo values: RawSpan, from source: FloatFormat)
  {
    let count = values.byteCount / source.byteCount
    precondition(
      reference.byteCount == count * format.byteCount, "a reference has an element for each value")
    let computed = (0..<count).map { source.value(of: $0, in: values) }.map {
      format.bits(rounding: $0)
    }
    for offset in computed.indices {
      let theirs = format.bits(of: offset, in: reference)
      let distance = format.ulpDistance(theirs, computed[offset])
      guard distance > 0 else {
        report.equalCount += 1
        continue
      }
      let element = NumericReport.Element(
        index: place + offset, reference: format.value(ofBits: theirs),
        computed: format.value(ofBits: computed[offset]))
      report.addDistance(distance, element)
      report.addOffender(element)
    }
    if tolerance != nil { addTolerance(reference, computed: computed) }
    place += count
  }

  private mutating func judge(
    _ element: NumericReport.Element, _ limit: Limit, distance: UInt64
  ) {
    switch limit.verdict(of: element.computed) {
    case .within(let share): report.addOwnShare(share)
    case .outside(let share):
      report.addOwnShare(share)
      report.ownOffenderCount += 1
    case .overflowed, .notComparable: break
    }
    switch limit.verdict(of: element.reference) {
    case .within(let share): report.addShare(share, element)
    case .overflowed:
      if distance > 0 { report.overflowedCount += 1 }
    case .notComparable:
      if distance > 0 { report.notComparableCount += 1 }
      return
    case .outside(let share):
      report.addShare(share, element)
      report.addOffender(element)
    }
    report.addDistance(distance, element)
  }

  private mutating func addTolerance(_ reference: RawSpan, computed: [UInt64]) {
    let known = tolerance?.firstOffenders.count ?? 0
    var bytes: [UInt8] = []
    bytes.reserveCapacity(reference.byteCount)
    for bits in computed {
      for byte in 0..<format.byteCount {
        bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * byte)))
      }
    }
    // SAFETY: bytes have no padding.
    unsafe tolerance?.add(bytes.span.bytes, reference: reference)
    for index in tolerance?.firstOffenders.dropFirst(known) ?? [] {
      let offset = index - place
      distantElements.append(
        NumericReport.Element(
          index: index, reference: format.value(of: offset, in: reference),
          computed: format.value(ofBits: computed[offset])))
    }
  }
}

extension ReferenceComparison {
  /// What one element of either side is held to.
  private struct Limit {
    let value: Double
    let lower: Double
    let bound: Double
    let format: FloatFormat
    /// Whether intermediate results may exceed the dtype of the computation.
    let peakOverflows: Bool

    enum Verdict {
      case within(share: Double)
      /// An infinity or NaN that an overflow explains.
      case overflowed
      /// Infinite or NaN, as are the factors.
      case notComparable
      case outside(share: Double)
    }

    func verdict(of output: Double) -> Verdict {
      guard value.isFinite, bound.isFinite else {
        return output.isFinite ? .outside(share: .infinity) : .notComparable
      }
      guard output.isFinite else {
        let reach = value.magnitude + bound
        let overflows =
          reach >= format.overflowThreshold && (output < 0) == (value < 0) && !output.isNaN
        return overflows || peakOverflows ? .overflowed : .outside(share: .infinity)
      }
      let error = ((output - value) - lower).magnitude
      guard error > 0 else { return .within(share: 0) }
      let share = error / (format.isHalf ? halfBound : bound)
      return share <= 1 ? .within(share: share) : .outside(share: share)
    }

    /// The bound with the rounding to BF16 or F16.
    private var halfBound: Double {
      bound + format.unitRoundoff * (value.magnitude + bound) + format.smallestSubnormal / 2
    }
  }
}

extension FloatFormat {
  /// The format in which results of this format are computed: F32 for the half types.
  public var computation: FloatFormat { self == .float64 ? .float64 : .float32 }

  /// u: the largest relative error of a rounding to nearest.
  public var unitRoundoff: Double {
    Double(sign: .plus, exponent: -significandBitCount, significand: 1)
  }

  /// η: the smallest subnormal number.
  public var smallestSubnormal: Double {
    Double(sign: .plus, exponent: smallestExponent, significand: 1)
  }

  /// The largest number.
  var largest: Double {
    // 2^1024 is not a number: the power is reached in two steps.
    let half = Double(sign: .plus, exponent: overflowExponent - 1, significand: 1)
    return half * (2 - 2 * unitRoundoff)
  }

  /// The smallest number that rounds to infinity; infinite for F64.
  var overflowThreshold: Double {
    self == .float64 ? .infinity : largest + largest.ulp(in: self) / 2
  }
}

extension Double {
  /// The distance between neighbours of a format at this number, which is normal there.
  fileprivate func ulp(in format: FloatFormat) -> Double {
    binade * 2 * format.unitRoundoff
  }
}
