// SPDX-License-Identifier: Apache-2.0

/// The method of an adapter: `peft_type`, as PEFT spells it.
public struct PEFTType: RawRepresentable, Hashable, Sendable {
  /// The spelling in the file, for example `LORA`.
  public let rawValue: String

  /// Takes any spelling; ``isKnown`` says whether PEFT has it.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }
}
