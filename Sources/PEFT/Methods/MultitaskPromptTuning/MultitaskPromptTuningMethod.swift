// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Tensors

/// Multitask prompt tuning: one prompt, and for each task factors whose product scales it.
///
/// spec/multitask-prompt-tuning.md has the rules of its tensors, spec/adapter_config.md those of its
/// config.
public struct MultitaskPromptTuningMethod: AdapterMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { .multitaskPromptTuning }
  public var isPromptLearning: Bool { true }
  public var hasTasks: Bool { true }

  public func config(
    _ config: AdapterConfig
  ) throws(CheckpointError) -> MultitaskPromptTuningConfig {
    try MultitaskPromptTuningConfig(config)
  }

  public func crossFieldFindings(of config: MultitaskPromptTuningConfig) -> [Finding] {
    config.crossFieldFindings
  }

  public func expectedTensors(for config: MultitaskPromptTuningConfig?) -> [ExpectedTensor] {
    MultitaskPromptTensor.allCases.map { $0.expected(by: config) }
  }

  /// The three tensors come first and are parameters; heads follow in the order of their modules.
  public func stateDictOrder(of tensors: [TensorInfo], isSorted: Bool) -> StateDictOrder? {
    let own = MultitaskPromptTensor.allCases.compactMap { tensor in
      tensors.firstIndex { $0.name == tensor.name }
    }
    guard own.count == MultitaskPromptTensor.allCases.count else { return nil }
    let parameters = Set(own)
    guard isSorted else {
      return StateDictOrder(indices: Array(tensors.indices), parameters: parameters)
    }
    let others = tensors.indices.filter { !parameters.contains($0) }
    return StateDictOrder(
      indices: own + ModuleOrder.sorted(others, of: tensors), parameters: parameters)
  }

  public func summary(
    of config: MultitaskPromptTuningConfig, weights: any TensorArchive
  ) -> [String] {
    do throws(CheckpointError) {
      let sizes = try config.dimensions(in: weights)
      return [
        Self.count(sizes.taskCount, "task"), Self.count(sizes.virtualTokenCount, "virtual token"),
        "rank \(sizes.rank)", "dimension \(sizes.tokenDimension)",
      ]
    } catch {
      return [error.message]
    }
  }

  private static func count(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }
}

extension PEFTType {
  /// Multitask prompt tuning.
  public static let multitaskPromptTuning = PEFTType(rawValue: "MULTITASK_PROMPT_TUNING")
  /// Prompt tuning, the method of baked tasks.
  public static let promptTuning = PEFTType(rawValue: "PROMPT_TUNING")
}
