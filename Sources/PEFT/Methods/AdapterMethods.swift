public import Archives
internal import Tensors

/// The methods of PEFT.
public enum AdapterMethods {
  /// The methods whose configs and weights are described.
  public static let all: [any AdapterMethod] = [
    MultitaskPromptTuningMethod()
  ]

  /// The method that a `peft_type` names, also by a former name.
  ///
  /// - Returns: an ``UndescribedMethod`` when no description exists.
  public static func method(of type: PEFTType) -> any AdapterMethod {
    all.first { $0.type == type || $0.formerTypes.contains(type) } ?? UndescribedMethod(type: type)
  }

  /// The order in which PEFT saves the tensors of an archive, told from their names.
  ///
  /// - Returns: nil when they are not the tensors of a described method.
  /// - Complexity: O(tensors · log tensors).
  public static func stateDictOrder(of archive: any TensorArchive) -> StateDictOrder? {
    let tensors = archive.tensors
    let isSorted = !archive.format.keepsTensorOrder
    return all.lazy.compactMap { $0.stateDictOrder(of: tensors, isSorted: isSorted) }.first
  }
}

extension AdapterMethods {
  /// Whether a release of PEFT up to 0.21.2 has the method; loading any other is an error there.
  static func isKnown(_ type: PEFTType) -> Bool { names.contains(type.rawValue) }

  /// The methods without a description whose pattern objects are not matched as those of most.
  fileprivate static let patternMatching: [String: ModulePattern.Matching] = [
    "ADALORA": .exact, "C3A": .submodule, "FOURIERFT": .submodule, "OSF": .anywhere,
  ]

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

/// A method without a description: only the fields that every config has are known.
public struct UndescribedMethod: AdapterMethod {
  public let type: PEFTType

  public var fields: [any AnyConfigField] {
    BaseConfigFields.all + [BaseConfigFields.modulesToSave]
  }
  public var listsAllFields: Bool { false }
  public func config(_ config: AdapterConfig) -> AdapterConfig { config }

  public var patternMatching: ModulePattern.Matching {
    AdapterMethods.patternMatching[type.rawValue] ?? .path
  }
}

extension AdapterConfig {
  /// The method that `peft_type` names.
  ///
  /// - Throws: `missing` when `peft_type` is absent or null, `mismatch` when it is not a string.
  public var method: any AdapterMethod {
    get throws(CheckpointError) { AdapterMethods.method(of: try peftType) }
  }
}
