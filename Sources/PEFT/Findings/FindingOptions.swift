// SPDX-License-Identifier: Apache-2.0

/// What an adapter is checked against besides PEFT itself.
public struct FindingOptions: Sendable {
  /// Checks an adapter against PEFT alone.
  public init() {}
}
