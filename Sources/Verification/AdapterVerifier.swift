// SPDX-License-Identifier: Apache-2.0
internal import LowRank
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
    let type = method.type.rawValue
    if let prompts = prompts.first(where: { $0.key == type }) { return try prompts.value(adapter) }
    if let verifier = try WeightVerifier(adapter) { return verifier }
    throw CheckpointError(
      .unsupported, "results of the method \(type.printable) are not computed",
      path: adapter.directory.configPath,
      hint: "methods that can be verified: \(types.joined(separator: ", "))")
  }

  /// The methods whose results are computed.
  public static var types: [String] { AdapterUpdates.types + prompts.map(\.key) }

  private typealias Maker =
    @Sendable (Adapter) throws(CheckpointError) -> any ReferenceVerifier

  /// The verifiers of methods that learn prompts, by `peft_type`. `AdapterUpdates` has the list of those
  /// that change weights.
  private static let prompts: KeyValuePairs<String, Maker> = [
    "PROMPT_TUNING": { adapter throws(CheckpointError) in try PromptVerifier(adapter) },
    "P_TUNING": { adapter throws(CheckpointError) in try PromptVerifier(adapter) },
    "PREFIX_TUNING": { adapter throws(CheckpointError) in try PrefixVerifier(adapter) },
    "MULTITASK_PROMPT_TUNING": { adapter throws(CheckpointError) in
      MultitaskPromptVerifier(try MultitaskPromptEmbedding(adapter))
    },
  ]
}
