// SPDX-License-Identifier: Apache-2.0

/// A condition on the values of a config that PEFT checks when it reads the config or creates the
/// adapter. It raises an error where the condition does not hold.
///
/// Rules do not judge types: where a value has the wrong type, they hold.
public struct ConfigRule: Sendable {
  /// The key that a violation is about.
  public let key: String
  /// How bad a violation is: an error where PEFT refuses the config.
  public let severity: Finding.Severity
  /// What is wrong with a config; nil where the condition holds.
  public let violation: @Sendable (AdapterConfig) -> String?

  /// Creates a rule.
  public init(
    _ key: String, severity: Finding.Severity = .error,
    violation: @escaping @Sendable (AdapterConfig) -> String?
  ) {
    self.key = key
    self.severity = severity
    self.violation = violation
  }
}

extension [ConfigRule] {
  /// Findings about the rules that a config violates (spec/adapter-methods.md, A30).
  func findings(about config: AdapterConfig) -> [Finding] {
    compactMap { rule in
      rule.violation(config).map { Finding(rule.severity, "invalid-value", $0, key: rule.key) }
    }
  }
}
