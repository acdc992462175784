/// The method of an adapter: `peft_type`, as PEFT spells it.
public struct PEFTType: RawRepresentable, Hashable, Sendable {
  /// The spelling in the file, for example `LORA`.
  public let rawValue: String

  /// Takes any spelling; `isKnown` says whether PEFT has it.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// Whether a release of PEFT up to 0.21.2 has this method; loading any other is an error there.
  public var isKnown: Bool { AdapterMethods.isKnown(self) }
}
