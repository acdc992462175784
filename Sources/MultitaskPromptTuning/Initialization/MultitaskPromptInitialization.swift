// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
public import PEFT
public import Tensors

/// The initialisation of a new adapter from a config, as in PEFT, without the base model.
///
/// ```swift
/// let config = MultitaskPromptTuningConfig(
///   virtualTokenCount: 20, tokenDimension: 768, taskCount: 8, taskType: .causalLanguageModel)
/// let adapter = try MultitaskPromptInitialization(config, seed: 7).run()
/// try adapter.write(to: "fresh-adapter")
/// ```
///
/// All tensors are F32, as PEFT's parameters are. Random numbers come from a
/// `SeededNormalGenerator`; tensors that are copied or averaged have the same bits as PEFT's
/// (spec/mpt-operations.md, O6 to O13).
public struct MultitaskPromptInitialization: Sendable {
  /// The config of the adapter, with the kind of initialisation (`prompt_tuning_init`).
  public var config: MultitaskPromptTuningConfig
  /// The seed of the random numbers.
  public var seed: UInt64
  /// The source checkpoint of the SOURCE initialisations, a file or an adapter directory; nil for
  /// the config's `prompt_tuning_init_state_dict_path`.
  public var sourcePath: String?
  /// The text of the TEXT initialisation.
  public var text: PromptText?
  /// A checkpoint or adapter directory with the heads and other modules of `modules_to_save`,
  /// without which PEFT cannot load an adapter for classification.
  public var headsPath: String?
  /// Whether the written config names the source. PEFT then reads it whenever it loads the adapter,
  /// and fails if it does not exist.
  public var keepsSource: Bool

  /// Creates an initialisation.
  public init(
    _ config: MultitaskPromptTuningConfig, seed: UInt64 = 0, sourcePath: String? = nil,
    text: PromptText? = nil, headsPath: String? = nil, keepsSource: Bool = false
  ) {
    self.config = config
    self.seed = seed
    self.sourcePath = sourcePath
    self.text = text
    self.headsPath = headsPath
    self.keepsSource = keepsSource
  }

  /// The largest number of elements in a tensor; more are probably a mistake in the config.
  static let largestElementCount: UInt = 1 << 32

  /// Initialises the adapter.
  ///
  /// - Throws: `mismatch`, `missing` or `invalidArgument` when PEFT refuses the config, or the
  ///   source or text does not fit it; `unsupported` for tensors of more than 2^32 elements; what
  ///   opening the files throws.
  /// - Complexity: O(elements read from the source). Random tensors are drawn when they are
  ///   written.
  public func run() throws(CheckpointError) -> ComputedAdapter {
    var config = config
    guard let initialization = config.initialization else {
      let known = PromptInitialization.allCases.map(\.rawValue).joined(separator: ", ")
      throw CheckpointError(
        .invalidArgument,
        "\"prompt_tuning_init\" must be one of \(known), but is "
          + "\"\(config[MultitaskPromptTuningFields.initialization])\"")
    }
    if let sourcePath, initialization.readsSource {
      config[MultitaskPromptTuningFields.sourcePath] = sourcePath
    }
    try check(config, initialization)
    let source = initialization.readsSource ? try openSource(config) : nil
    let dimensions = try dimensions(of: config, source: source)
    config.tokenDimension = dimensions.tokenDimension
    for tensor in MultitaskPromptTensor.allCases {
      let count = dimensions.shape(of: tensor).elementCount ?? .max
      guard count <= Self.largestElementCount else {
        throw CheckpointError(
          .unsupported, "\(tensor.rawValue) would have more than 2^32 elements")
      }
    }
    let saved = (keepsSource ? config : config.detachedFromSource).completed
    return ComputedAdapter(
      config: saved.adapterConfig,
      tensors: try tensors(config, initialization, source, dimensions: dimensions)
        + HeadTensors.tensors(for: config, from: headsPath),
      origins: [sourcePath, headsPath, text?.path].compactMap(\.self))
  }

  /// Refuses configs that PEFT refuses, and inputs that the initialisation does not use.
  private func check(
    _ config: MultitaskPromptTuningConfig, _ initialization: PromptInitialization
  ) throws(CheckpointError) {
    if let finding = config.adapterConfig.findings().first(where: { $0.severity == .error }) {
      throw CheckpointError(.mismatch, finding.message)
    }
    if sourcePath != nil, !initialization.readsSource {
      throw .invalidArgument("\(initialization.rawValue) does not use a source")
    }
    if text != nil, initialization != .text {
      throw .invalidArgument("\(initialization.rawValue) does not use word embeddings")
    }
    if text == nil, initialization == .text {
      throw CheckpointError(
        .invalidArgument, "TEXT needs word embeddings and token ids",
        remedy: .provideWordEmbeddings)
    }
    guard initialization == .averageSourceTasks || initialization == .exactSourceTask else {
      return
    }
    guard config.taskCount == 1 else {
      throw CheckpointError(
        .mismatch,
        "\"num_tasks\" must be 1 with \(initialization.rawValue), but is \(config.taskCount ?? 0)")
    }
  }

  /// The sizes of the adapter; a source tells a `token_dim` that the config does not have.
  private func dimensions(
    of config: MultitaskPromptTuningConfig, source: (any TensorArchive)?
  ) throws(CheckpointError) -> MultitaskPromptDimensions {
    do throws(CheckpointError) {
      if let source { return try config.dimensions(in: source) }
      return try config.dimensions
    } catch {
      throw error.hinting(
        error.code == .missing
          ? "PEFT takes it from the base model's config (hidden_size); add it to this one" : nil)
    }
  }

  private func tensors(
    _ config: MultitaskPromptTuningConfig, _ initialization: PromptInitialization,
    _ archive: (any TensorArchive)?, dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) -> [ComputedTensor] {
    let source = archive.map { PromptSource($0, target: dimensions) }
    switch initialization {
    case .random:
      return try MultitaskPromptTensor.allCases.map { tensor throws(CheckpointError) in
        try drawn(tensor, dimensions)
      }
    case .text:
      guard let text else { return [] }
      return [
        try drawn(.columns, dimensions), try drawn(.rows, dimensions),
        try text.embeddings(for: dimensions),
      ]
    case .onlySourceShared:
      guard let source else { return [] }
      return [
        try drawn(.columns, dimensions), try drawn(.rows, dimensions), try source.embeddings(),
      ]
    case .averageSourceTasks:
      guard let source else { return [] }
      return [
        try source.mean(.columns), try source.mean(.rows), try source.embeddings(),
      ]
    case .exactSourceTask:
      guard let source else { return [] }
      guard let task = config[MultitaskPromptTuningFields.sourceTask] else {
        throw CheckpointError(.missing, "EXACT_SOURCE_TASK needs \"prompt_tuning_init_task\"")
      }
      return [
        try source.task(task, of: .columns), try source.task(task, of: .rows),
        try source.embeddings(),
      ]
    }
  }

  /// Draws a tensor as PEFT does: the embeddings from N(0, 1), the factors from N(0, 0.02²).
  private func drawn(
    _ tensor: MultitaskPromptTensor, _ dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) -> ComputedTensor {
    let stream: UInt64
    switch tensor {
    case .columns: stream = 0
    case .rows: stream = 1
    case .embeddings: stream = 2
    }
    return try ComputedTensor(
      drawing: tensor, shape: dimensions.shape(of: tensor),
      from: SeededNormalGenerator(seed: seed, stream: stream),
      deviation: tensor == .embeddings ? 1 : 0.02)
  }

  /// Opens the source of the config.
  private func openSource(
    _ config: MultitaskPromptTuningConfig
  ) throws(CheckpointError) -> any TensorArchive {
    // A config without one has a finding, and is refused.
    let path = config[MultitaskPromptTuningFields.sourcePath] ?? ""
    do throws(CheckpointError) {
      return try PromptSource.open(path)
    } catch {
      guard error.code == .missing, sourcePath == nil else { throw error }
      let key = MultitaskPromptTuningFields.sourcePath.key
      throw error.hinting("the config names it in \"\(key)\"").offering(.provideSource)
    }
  }
}
