// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// Something about an adapter that its user should know before relying on it.
public struct Finding: Sendable, Hashable {
  /// How much it matters.
  public enum Severity: String, Sendable, CaseIterable {
    /// PEFT refuses the adapter, ignores weights, or leaves weights untrained.
    case error
    /// The adapter loads here and now, but may fail elsewhere or later.
    case warning
    /// Worth knowing; nothing fails.
    case note
  }

  /// How much it matters.
  public let severity: Severity
  /// The rule, such as `shape-mismatch`.
  public let code: Code
  /// What was found, with both sides where two things disagree.
  public let message: String
  /// The key of the config that the finding is about, if any.
  public let key: String?
  /// The tensor that the finding is about, if any.
  public let tensor: TensorName?
  /// The changes of the files that resolve the finding together; empty if none are known to keep what
  /// the adapter computes.
  public let repairs: [Repair]

  /// Creates a finding.
  public init(
    _ severity: Severity, _ code: Code, _ message: String, key: String? = nil,
    tensor: TensorName? = nil, repairs: [Repair] = []
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.key = key
    self.tensor = tensor
    self.repairs = repairs
  }
}

extension Finding.Severity: Comparable {
  /// Whether the left severity matters less.
  public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .note: 0
    case .warning: 1
    case .error: 2
    }
  }
}
