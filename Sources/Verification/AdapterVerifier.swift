// SPDX-License-Identifier: Apache-2.0
internal import MultitaskPromptTuning
public import PEFT
public import Tensors

/// The verification of an adapter of any method whose results are computed.
public enum AdapterVerifier {
  /// The verifier of an adapter.
  ///
  /// - Throws: `unsupported` for a method whose results are not computed; `missing` or `mismatch` when
  ///   the weights do not fit the config.
  public static func verifier(
    for adapter: Adapter
  ) throws(CheckpointError) -> any ReferenceVerifier {
    let method: any AdapterMethod
    do throws(CheckpointError) {
      method = try adapter.config.method
    } catch {
      throw error.inFile(adapter.directory.configPath)
    }
    switch method.type.rawValue {
    case PEFTType.multitaskPromptTuning.rawValue:
      return MultitaskPromptVerifier(try MultitaskPromptEmbedding(adapter))
    case "PROMPT_TUNING", "P_TUNING": return try PromptVerifier(adapter)
    case "PREFIX_TUNING": return try PrefixVerifier(adapter)
    default:
      if let verifier = try WeightVerifier(adapter) { return verifier }
      throw CheckpointError(
        .unsupported, "results of the method \(method.type.rawValue.printable) are not computed",
        path: adapter.directory.configPath,
        hint: "methods that can be verified: \(verifiableTypes)")
    }
  }

  private static let verifiableTypes =
    "LORA, LOHA, LOKR, VERA, IA3, MISS, PROMPT_TUNING, P_TUNING, PREFIX_TUNING, "
    + "MULTITASK_PROMPT_TUNING"
}
