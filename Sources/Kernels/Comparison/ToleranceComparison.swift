// SPDX-License-Identifier: Apache-2.0

/// A comparison of two runs of elements by `torch.allclose`: every pair must satisfy
/// |value − reference| ≤ atol + rtol · |reference|.
///
/// Each step is rounded as torch rounds it: `rtol` to F32 (F64 for F64 elements), and `atol`,
/// differences, products and sums to the elements' format. Equal values pass, including infinities;
/// an infinite difference fails whatever the tolerance, and NaN fails against everything unless
/// `equalNaN`.
public struct ToleranceComparison: Hashable, Sendable {
  /// torch's default relative tolerance.
  public static let defaultRelativeTolerance = 1e-5
  /// torch's default absolute tolerance.
  public static let defaultAbsoluteTolerance = 1e-8

  /// The number of pairs.
  public private(set) var elementCount = 0
  /// The pairs that satisfy the rule.
  public private(set) var closeCount = 0
  /// The indexes of the first pairs that do not, at most eight.
  public private(set) var firstOffenders: [Int] = []

  /// Whether all pairs satisfy the rule (`torch.allclose`).
  public var isClose: Bool { closeCount == elementCount }

  private let rule: Rule

  /// Creates an empty comparison.
  ///
  /// - Parameters:
  ///   - format: the format of the elements.
  ///   - relative: `rtol`, not negative.
  ///   - absolute: `atol`, not negative.
  ///   - equalNaN: whether NaN is close to NaN; by default it is not, as in torch.
  public init(
    format: FloatFormat, relative: Double = defaultRelativeTolerance,
    absolute: Double = defaultAbsoluteTolerance,
    equalNaN: Bool = false
  ) {
    precondition(relative >= 0 && absolute >= 0, "tolerances are not negative")
    rule = Rule(format: format, relative: relative, absolute: absolute, equalNaN: equalNaN)
  }

  /// Compares two runs of elements.
  ///
  /// - Parameters:
  ///   - values: whole elements of `format`, little endian, at any alignment (torch's `input`).
  ///   - reference: as many of them (torch's `other`); another number traps.
  ///   - format: the format of the elements.
  ///   - relative: `rtol`, not negative.
  ///   - absolute: `atol`, not negative.
  ///   - equalNaN: whether NaN is close to NaN; by default it is not, as in torch.
  /// - Complexity: O(elements).
  public init(
    _ values: RawSpan, reference: RawSpan, format: FloatFormat,
    relative: Double = defaultRelativeTolerance, absolute: Double = defaultAbsoluteTolerance,
    equalNaN: Bool = false
  ) {
    self.init(format: format, relative: relative, absolute: absolute, equalNaN: equalNaN)
    add(values, reference: reference)
  }

  /// Compares further elements, which follow those compared so far.
  ///
  /// - Parameters: as for `init(_:reference:format:relative:absolute:equalNaN:)`.
  /// - Complexity: O(elements).
  public mutating func add(_ values: RawSpan, reference: RawSpan) {
    let format = rule.format
    precondition(values.byteCount == reference.byteCount, "runs of different lengths")
    precondition(
      values.byteCount.isMultiple(of: format.byteCount), "runs must hold whole elements")
    let start = elementCount
    elementCount += values.byteCount / format.byteCount
    for index in start..<elementCount {
      let value = format.value(of: index - start, in: values)
      if rule.isClose(value, format.value(of: index - start, in: reference)) {
        closeCount += 1
      } else if firstOffenders.count < 8 {
        firstOffenders.append(index)
      }
    }
  }

  /// The rule for one pair.
  private struct Rule: Hashable {
    let format: FloatFormat
    let relative: Double
    let absolute: Double
    let equalNaN: Bool

    init(format: FloatFormat, relative: Double, absolute: Double, equalNaN: Bool) {
      self.format = format
      self.relative = format == .float64 ? relative : Double(Float(relative))
      self.absolute = format.rounding(absolute)
      self.equalNaN = equalNaN
    }

    func isClose(_ value: Double, _ reference: Double) -> Bool {
      if value == reference { return true }
      if value.isNaN || reference.isNaN { return equalNaN && value.isNaN && reference.isNaN }
      // With both tolerances zero, only exact equality passes, as in torch.
      // Products and sums of two F32 numbers in F64, rounded to F32, are F32 arithmetic.
      let scaled = format.rounding(relative * reference).magnitude
      let allowed = format.rounding(absolute + scaled)
      let difference = format.rounding(value - reference).magnitude
      return difference.isFinite && difference <= allowed
    }
  }
}
