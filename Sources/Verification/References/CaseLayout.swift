// SPDX-License-Identifier: Apache-2.0

/// The tensors of a case in a reference file (spec/reference-outputs.md, F2 and F9).
///
/// A tensor `NAME.part` belongs to the case NAME.
public struct CaseLayout: Sendable, Hashable {
  /// The part that is compared with a computed result.
  public let result: String
  /// The other parts that a case must have.
  public let inputs: [String]
  /// The parts that a case may have.
  public let optionalInputs: [String]

  /// The output of the embedding of multitask prompt tuning.
  public static let taskPrompts = CaseLayout(
    result: "output", inputs: ["task_ids"], optionalInputs: ["indices"])
  /// The output of the embedding of a prompt.
  public static let prompts = CaseLayout(result: "output", optionalInputs: ["indices"])
  /// The keys and values of prefix tuning.
  public static let keyValues = CaseLayout(result: "key_values")
  /// What an adapter adds to the weight of a module.
  public static let delta = CaseLayout(result: "delta")
  /// What an adapter adds to the bias of a module.
  public static let biasDelta = CaseLayout(result: "bias_delta")
  /// A weight of the base model with the adapter merged into it.
  public static let mergedWeight = CaseLayout(result: "weight", inputs: ["base"])

  private init(result: String, inputs: [String] = [], optionalInputs: [String] = []) {
    self.result = result
    self.inputs = inputs
    self.optionalInputs = optionalInputs
  }

  /// The parts that make a case: all but the optional ones.
  var requiredParts: [String] { inputs + [result] }

  /// The tensors of a case, for a hint.
  var description: String {
    let names = requiredParts.map { "NAME.\($0)" }
    return names.count == 1
      ? "the tensor \(names[0])" : "the tensors \(names.joined(separator: " and "))"
  }
}
