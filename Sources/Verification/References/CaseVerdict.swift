// SPDX-License-Identifier: Apache-2.0
public import Kernels

/// The rule of a verification.
public enum VerificationRule: Sendable, Hashable {
  /// The rule of the method: equal values, or a bound of the rounding error.
  case numerics
  /// `torch.allclose` with the reference as `other`.
  case allClose(relative: Double, absolute: Double)
}

/// What the rule `numerics` demands of an adapter.
public enum NumericRule: Sendable, Hashable {
  /// Nothing is rounded in a way that is left open: every value must be equal.
  case equality
  /// Every value must be within the rounding error of any order of summation.
  case roundingBound
}

/// The result of one case of a reference.
public struct CaseVerdict: Sendable {
  /// The case.
  public let reference: ReferenceFile.Case
  /// The comparison by `numerics`, under `allClose` as well, for its statistics.
  public let report: NumericReport
  /// The comparison by `allClose`; nil under another rule.
  public let tolerance: ToleranceVerdict?

  /// Whether the adapter computes the reference, by the rule.
  public var holds: Bool { tolerance?.comparison.isClose ?? report.holds }

  /// The number of elements that break the rule.
  public var offenderCount: Int {
    guard let comparison = tolerance?.comparison else { return report.offenderCount }
    return comparison.elementCount - comparison.closeCount
  }

  /// The first of them, at most eight.
  public var offenders: [NumericReport.Element] { tolerance?.offenders ?? report.firstOffenders }
}

/// The result of a case by `torch.allclose`.
public struct ToleranceVerdict: Sendable {
  /// The counts.
  public let comparison: ToleranceComparison
  /// The first elements that are not close, at most eight.
  public let offenders: [NumericReport.Element]
}
