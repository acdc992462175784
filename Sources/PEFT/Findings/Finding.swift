// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// Something about an adapter that its user should know before relying on it.
public struct Finding: Sendable, Hashable {
  /// How much it matters.
  public enum Severity: String, Sendable {
    /// PEFT refuses the adapter, ignores weights, or leaves weights untrained.
    case error
    /// The adapter loads here and now, but may fail elsewhere or later.
    case warning
    /// Worth knowing; nothing fails.
    case note
  }

  /// How much it matters.
  public let severity: Severity
  /// The rule, a stable word for programs such as `shape-mismatch`.
  public let code: String
  /// What was found, with both sides where two things disagree.
  public let message: String
  /// The key of the config that the finding is about, if any.
  public let key: String?
  /// The tensor that the finding is about, if any.
  public let tensor: TensorName?
  /// The new name of a tensor that resolves the finding, if one does.
  public let rename: TensorRename?

  /// Creates a finding.
  public init(
    _ severity: Severity, _ code: String, _ message: String, key: String? = nil,
    tensor: TensorName? = nil, rename: TensorRename? = nil
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.key = key
    self.tensor = tensor
    self.rename = rename
  }
}

/// A change of the name of one tensor.
public struct TensorRename: Sendable, Hashable {
  /// The name in the file.
  public let from: TensorName
  /// The name that PEFT expects.
  public let to: TensorName

  /// Creates a rename.
  public init(from: TensorName, to: TensorName) {
    self.from = from
    self.to = to
  }
}
