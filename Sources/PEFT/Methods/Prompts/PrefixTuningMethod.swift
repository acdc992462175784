// SPDX-License-Identifier: Apache-2.0

/// Prefix tuning: keys and values in front of those of each layer.
public struct PrefixTuningMethod: PromptMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "PREFIX_TUNING") }

  public func promptShape(for config: AdapterConfig) -> [Extent] {
    [config.promptSize("num_virtual_tokens"), config.keyValueSize]
  }
}

/// Cartridge: a prefix of keys and values, the first of which are frozen.
public struct CartridgeMethod: PromptMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "CARTRIDGE") }
  public var rules: [ConfigRule] { [.atLeast(0, "num_frozen_tokens"), Self.frozenTokens] }

  public func promptShape(for config: AdapterConfig) -> [Extent] {
    [config.promptSize("num_virtual_tokens"), config.keyValueSize]
  }

  private static let frozenTokens = ConfigRule("num_frozen_tokens") { config in
    guard let frozen = config.integer("num_frozen_tokens", default: 1),
      let tokens = config.integer("num_virtual_tokens", default: nil), frozen > tokens
    else { return nil }
    return "\"num_frozen_tokens\" is \(frozen), more than \"num_virtual_tokens\", \(tokens)"
  }
}
