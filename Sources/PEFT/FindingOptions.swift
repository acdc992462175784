// SPDX-License-Identifier: Apache-2.0

/// What an adapter is checked against besides the newest PEFT.
public struct FindingOptions: Sendable {
  /// The release of PEFT that reads the adapter; nil for the newest examined one.
  public var release: ExaminedRelease?

  /// The base model that the adapter is for; nil to check the adapter by itself.
  public var base: BaseModelSource?

  /// The runtime that is to load the adapter; nil for PEFT alone.
  public var runtime: Runtime?

  /// The findings about adapters that were checked before with these options, of which others may be
  /// copies but for their values; nil to keep none.
  package var memory: FindingMemory?

  /// Checks an adapter against the newest PEFT alone.
  public init() {}
}
