// SPDX-License-Identifier: Apache-2.0

/// What an adapter is checked against besides the newest PEFT.
public struct FindingOptions: Sendable {
  /// The release of PEFT that reads the adapter; nil for the newest examined one.
  public var release: ExaminedRelease?

  /// Checks an adapter against the newest PEFT alone.
  public init() {}
}
