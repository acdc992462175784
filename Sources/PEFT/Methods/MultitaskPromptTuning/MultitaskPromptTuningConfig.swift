// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
public import Tensors

/// The config of a multitask prompt tuning adapter with typed fields (PEFT's
/// `MultitaskPromptTuningConfig`).
///
/// The underlying document is kept: with keys that PEFT does not know, and without keys that are
/// absent, as in older releases, until they are set.
public struct MultitaskPromptTuningConfig: Sendable, Hashable {
  /// The config with all its keys.
  public private(set) var adapterConfig: AdapterConfig

  /// Reads a config as one of this type.
  ///
  /// - Throws: `mismatch` when it has another method, or a key contains JSON of another type than
  ///   its field.
  public init(_ config: AdapterConfig) throws(CheckpointError) {
    let type = try config.peftType
    guard type == .multitaskPromptTuning else {
      throw CheckpointError(
        .mismatch,
        "the adapter's peft_type is \(type.rawValue), not \(PEFTType.multitaskPromptTuning.rawValue)"
      )
    }
    try MethodFields(type)?.check(config.document)
    adapterConfig = config
  }

  /// Creates a config with all 21 keys of PEFT 0.21; keys without a parameter have their defaults.
  ///
  /// - Parameters:
  ///   - virtualTokenCount: `num_virtual_tokens`.
  ///   - tokenDimension: `token_dim`.
  ///   - taskCount: `num_tasks`.
  ///   - rank: `num_ranks`.
  ///   - taskType: `task_type`.
  public init(
    virtualTokenCount: Int, tokenDimension: Int, taskCount: Int = 1, rank: Int = 1,
    taskType: TaskType? = nil
  ) {
    adapterConfig = AdapterConfig(
      document: MethodFields(.multitaskPromptTuning)?.defaults ?? JSONObject())
    self.virtualTokenCount = virtualTokenCount
    self.tokenDimension = tokenDimension
    self.taskCount = taskCount
    self.rank = rank
    self.taskType = taskType
  }

  /// The bytes that PEFT writes for this config.
  public func encoded() -> [UInt8] { adapterConfig.encoded() }

  /// Gives absent keys their values in another config.
  mutating func fill(from defaults: JSONObject) {
    for (key, value) in defaults.map({ ($0.key, $0.value) })
    where adapterConfig.document[key] == nil {
      adapterConfig.document[key] = value
    }
  }

  /// The value of a field. Its type was checked when the config was read.
  public subscript<Value>(_ field: ConfigField<Value>) -> Value {
    get { (try? adapterConfig.value(field)) ?? field.defaultValue }
    set { adapterConfig.set(field, to: newValue) }
  }
}

extension MultitaskPromptTuningConfig {
  /// `num_virtual_tokens`: virtual tokens of each submodule.
  public var virtualTokenCount: Int? {
    get { self[MultitaskPromptTuningFields.virtualTokenCount] }
    set { self[MultitaskPromptTuningFields.virtualTokenCount] = newValue }
  }

  /// `token_dim`: the width of the base model's embeddings.
  public var tokenDimension: Int? {
    get { self[MultitaskPromptTuningFields.tokenDimension] }
    set { self[MultitaskPromptTuningFields.tokenDimension] = newValue }
  }

  /// `num_tasks`.
  public var taskCount: Int? {
    get { self[MultitaskPromptTuningFields.taskCount] }
    set { self[MultitaskPromptTuningFields.taskCount] = newValue }
  }

  /// `num_ranks`: the rank of each task's factors.
  public var rank: Int? {
    get { self[MultitaskPromptTuningFields.rank] }
    set { self[MultitaskPromptTuningFields.rank] = newValue }
  }

  /// `task_type`; nil also for a type that PEFT does not know.
  public var taskType: TaskType? {
    get { self[BaseConfigFields.taskType].flatMap(TaskType.init(rawValue:)) }
    set { self[BaseConfigFields.taskType] = newValue?.rawValue }
  }

  /// `prompt_tuning_init`; nil for one that PEFT does not know.
  public var initialization: PromptInitialization? {
    get { PromptInitialization(rawValue: self[MultitaskPromptTuningFields.initialization]) }
    set {
      self[MultitaskPromptTuningFields.initialization] = (newValue ?? .random).rawValue
    }
  }

  /// The number of submodules with virtual tokens; if null, 2 for sequence-to-sequence and 1 for
  /// all other tasks (spec/multitask-prompt-tuning.md, M2).
  public var submoduleCount: Int {
    self[MultitaskPromptTuningFields.submoduleCount] ?? (taskType == .sequenceToSequence ? 2 : 1)
  }

  /// The sizes of the module that this config describes.
  ///
  /// - Throws: `missing` for a size that is null, `mismatch` for one below 1 or a product beyond 63
  ///   bits.
  public var dimensions: MultitaskPromptDimensions {
    get throws(CheckpointError) {
      let tokens = try size(MultitaskPromptTuningFields.virtualTokenCount)
      guard submoduleCount >= 1 else {
        throw CheckpointError(
          .mismatch,
          "\"\(MultitaskPromptTuningFields.submoduleCount.key)\" must be at least 1, "
            + "but is \(submoduleCount)")
      }
      guard let total = totalTokenCount else {
        throw CheckpointError(
          .mismatch,
          "\"num_virtual_tokens\" \(tokens) times \"num_transformer_submodules\" "
            + "\(submoduleCount) is more than 64 bits can count")
      }
      return MultitaskPromptDimensions(
        taskCount: try size(MultitaskPromptTuningFields.taskCount),
        virtualTokenCount: total,
        rank: try size(MultitaskPromptTuningFields.rank),
        tokenDimension: try size(MultitaskPromptTuningFields.tokenDimension))
    }
  }

  /// The sizes of the module. A null `token_dim`, which PEFT takes from the base model, is that of
  /// the weights (spec/adapter_config.md, C16).
  ///
  /// - Throws: as `dimensions`.
  public func dimensions(
    in weights: any TensorArchive
  ) throws(CheckpointError) -> MultitaskPromptDimensions {
    var config = self
    if tokenDimension == nil { config.tokenDimension = weights.promptWidth }
    return try config.dimensions
  }

  /// V, `num_virtual_tokens` times the submodules; nil unless both are at least 1 and the product
  /// fits 63 bits.
  var totalTokenCount: Int? {
    guard let tokens = virtualTokenCount, tokens >= 1, submoduleCount >= 1 else { return nil }
    let (total, overflow) = tokens.multipliedReportingOverflow(by: submoduleCount)
    return overflow ? nil : total
  }

  private func size(_ field: ConfigField<Int?>) throws(CheckpointError) -> Int {
    guard let size = self[field] else {
      throw CheckpointError(.missing, "\"\(field.key)\" is not set")
    }
    guard size >= 1 else {
      throw CheckpointError(.mismatch, "\"\(field.key)\" must be at least 1, but is \(size)")
    }
    return size
  }
}

extension TensorArchive {
  /// The width of `prompt_embeddings`, which is that of the base model's embeddings; nil without
  /// such a matrix.
  var promptWidth: Int? {
    guard let index = index(of: MultitaskPromptTensor.embeddings.name) else { return nil }
    let extents = tensor(at: index).shape.dimensions
    return extents.count == 2 ? Int(exactly: extents[1]) : nil
  }
}
