// SPDX-License-Identifier: Apache-2.0

/// The comparison of what two adapters do to one module (spec/deltas.md, DC1 to DC6).
public struct ModuleDelta: Sendable, Hashable {
  /// What is compared.
  public enum Subject: String, Sendable {
    /// The update s · B · A.
    case update
    /// The magnitudes of DoRA.
    case magnitude
    /// The bias of the update.
    case bias
    /// A tensor that is not an update.
    case tensor
  }

  /// The outcome.
  public enum Verdict: String, Sendable {
    /// The factors are equal, up to padding and exact scaling.
    case equal
    /// The factors are equal up to padding, scaling and one rounding of each element.
    case rounded
    /// The distance is within what one rounding of the factors can make.
    case withinBound = "within-bound"
    /// The distance is larger.
    case different
    /// The shapes differ.
    case otherShape = "other-shape"
    /// Only the first adapter changes the module.
    case onlyFirst = "only-a"
    /// Only the second adapter changes the module.
    case onlySecond = "only-b"
    /// An element is infinite or NaN, or the rank is too large.
    case notComparable = "not-comparable"
  }

  /// The name in the base model.
  public let name: String
  /// What is compared.
  public let subject: Subject
  /// The outcome.
  public let verdict: Verdict
  /// The Frobenius norm of the difference divided by the larger of both norms; nil where it was not
  /// needed or cannot be computed.
  public let distance: Double?
  /// The largest distance that one rounding of the factors explains, on the same scale; nil where the
  /// distance is.
  public let bound: Double?
  /// The norms of both sides; nil where they were not computed.
  public let firstNorm: Double?
  /// The norm of the second side.
  public let secondNorm: Double?
  /// The mistake that explains the difference, if there is a known one.
  public internal(set) var slip: DeltaSlip?

  init(
    _ name: String, _ verdict: Verdict, subject: Subject = .update, distance: Double? = nil,
    bound: Double? = nil, norms: (left: Double, right: Double)? = nil, slip: DeltaSlip? = nil
  ) {
    self.name = name
    self.subject = subject
    self.verdict = verdict
    self.distance = distance
    self.bound = bound
    firstNorm = norms?.left
    secondNorm = norms?.right
    self.slip = slip
  }

  /// Whether nothing but rounding differs.
  public var isSame: Bool {
    switch verdict {
    case .equal, .rounded, .withinBound: true
    case .different, .otherShape, .onlyFirst, .onlySecond, .notComparable: false
    }
  }
}
