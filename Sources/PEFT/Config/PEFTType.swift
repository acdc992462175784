// SPDX-License-Identifier: Apache-2.0

/// The method of an adapter: `peft_type`, as PEFT spells it.
public struct PEFTType: RawRepresentable, Hashable, Sendable {
  /// The spelling in the file, for example `LORA`.
  public let rawValue: String

  /// Takes any spelling; `isKnown` says whether PEFT has it.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// Whether a release of PEFT up to 0.21.2 has this method; loading any other is an error there.
  public var isKnown: Bool { Self.names.contains(rawValue) }

  /// Every `peft_type` of PEFT 0.3.0 to 0.21.2 (spec/adapter_config.md, C20).
  private static let names: Set<String> = [
    "ADALORA", "ADAMSS", "ADAPTION_PROMPT", "BEFT", "BOFT", "BONE", "C3A", "CARTRIDGE", "CPT",
    "DEFT", "DELORA", "FOURIERFT", "FROD", "GLORA", "GRALORA", "HIRA", "HRA", "IA3", "LILY",
    "LN_TUNING", "LOHA", "LOKR", "LORA", "LORAPLUS", "MISS", "MULTITASK_PROMPT_TUNING", "OFT",
    "OSF", "PEANUT", "POLY", "PREFIX_TUNING", "PROMPT_TUNING", "PSOFT", "PVERA", "P_TUNING",
    "RANDLORA", "ROAD", "SHADOW", "SHIRA", "SUPERTUNING", "TINYLORA", "TRAINABLE_TOKENS",
    "UNILORA", "VBLORA", "VERA", "WAVEFT", "XLORA",
  ]
}
