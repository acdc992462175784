public import Tensors

/// Something about an adapter that its user should know before relying on it.
public struct Finding: Sendable, Hashable {
  /// How much it matters.
  public enum Severity: String, Sendable {
    /// PEFT cannot load the adapter, or would not compute what it was trained to.
    case error
    /// It loads here and now, and may not elsewhere or later.
    case warning
  }

  /// How much it matters.
  public let severity: Severity
  /// The rule, a stable word for programs such as `shape-mismatch`.
  public let code: String
  /// What was found, with both sides where two things disagree.
  public let message: String
  /// The config's key, where it is about one.
  public let key: String?
  /// The tensor, where it is about one.
  public let tensor: TensorName?

  /// Makes a finding.
  public init(
    _ severity: Severity, _ code: String, _ message: String, key: String? = nil,
    tensor: TensorName? = nil
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.key = key
    self.tensor = tensor
  }
}
