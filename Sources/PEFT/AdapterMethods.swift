// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Tensors

/// The methods of PEFT.
public enum AdapterMethods {
  /// The methods whose configs and weights are described.
  public static let all: [any AdapterMethod] = [
    MultitaskPromptTuningMethod(),
    LoRAMethod(),
    AdaLoRAMethod(),
    AdaMSSMethod(),
    AdaptionPromptMethod(),
    BEFTMethod(),
    BOFTMethod(),
    BoneMethod(),
    C3AMethod(),
    CartridgeMethod(),
    CPTMethod(),
    DEFTMethod(),
    DeLoRAMethod(),
    FourierFTMethod(),
    FRoDMethod(),
    GLoRAMethod(),
    GraLoRAMethod(),
    HiRAMethod(),
    HRAMethod(),
    IA3Method(),
    LilyMethod(),
    LNTuningMethod(),
    LoHaMethod(),
    LoKrMethod(),
    MiSSMethod(),
    OFTMethod(),
    OSFMethod(),
    PEANuTMethod(),
    PolyMethod(),
    PrefixTuningMethod(),
    PromptTuningMethod(),
    PSOFTMethod(),
    PTuningMethod(),
    PVeRAMethod(),
    RandLoRAMethod(),
    RoAdMethod(),
    ShadowMethod(),
    SHiRAMethod(),
    SuperTuningMethod(),
    TinyLoRAMethod(),
    TrainableTokensMethod(),
    UniLoRAMethod(),
    VBLoRAMethod(),
    VeRAMethod(),
    WaveFTMethod(),
    XLoRAMethod(),
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

extension AdapterConfig {
  /// The method that `peft_type` names.
  ///
  /// - Throws: `missing` when `peft_type` is absent or null, `mismatch` when it is not a string.
  public var method: any AdapterMethod {
    get throws(CheckpointError) { AdapterMethods.method(of: try peftType) }
  }
}
