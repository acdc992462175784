internal import Archives
internal import Files
public import PEFT
public import Tensors

/// A fresh adapter, initialised as PEFT does it from a config, without the base model.
///
/// ```swift
/// let config = MultitaskPromptTuningConfig(
///   virtualTokenCount: 20, tokenDimension: 768, taskCount: 8, taskType: .causalLanguageModel)
/// let adapter = try MultitaskPromptInitialization(config, seed: 7).run()
/// try adapter.write(to: "fresh-adapter")
/// ```
///
/// All tensors are F32, as PEFT's parameters are. What PEFT draws at random comes from a
/// ``SeededNormalGenerator``; what it copies or averages equals PEFT's tensors to the last bit
/// (spec/mpt-operations.md, O6 to O13).
public struct MultitaskPromptInitialization: Sendable {
  /// What the adapter will be, and how it starts (`prompt_tuning_init`).
  public var config: MultitaskPromptTuningConfig
  /// Where the random numbers start.
  public var seed: UInt64
  /// The source checkpoint of the SOURCE initialisations, a file or an adapter directory; nil takes
  /// the config's `prompt_tuning_init_state_dict_path`.
  public var sourcePath: String?
  /// The text of the TEXT initialisation.
  public var text: PromptText?
  /// A checkpoint or adapter directory that holds the heads and other modules of `modules_to_save`:
  /// PEFT loads no adapter for classification, for example, without its head.
  public var headsPath: String?
  /// Whether the config that is written still names the source: PEFT then reads it again whenever it
  /// loads the adapter, and fails where it is missing.
  public var keepsSource: Bool

  /// Describes an initialisation.
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

  /// More elements than this in one tensor are taken for a mistake in the config.
  static let largestElementCount: UInt = 1 << 32

  /// Initialises.
  ///
  /// - Throws: `mismatch`, `missing` or `invalidArgument` when the config is none that PEFT takes, or
  ///   source or text do not go with it; `unsupported` for sizes beyond 2^32 elements; what opening
  ///   the files throws.
  /// - Complexity: O(elements of the source that are used); random tensors are drawn when written.
  public func run() throws(CheckpointError) -> ComputedAdapter {
    var config = config
    guard let initialization = config.initialization else {
      let known = PromptInitialization.allCases.map(\.rawValue).joined(separator: ", ")
      throw CheckpointError(
        .invalidArgument,
        "\"prompt_tuning_init\" must be one of \(known), and is "
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

  /// Refuses what PEFT refuses, and inputs that the initialisation has no use for.
  private func check(
    _ config: MultitaskPromptTuningConfig, _ initialization: PromptInitialization
  ) throws(CheckpointError) {
    if let finding = config.adapterConfig.findings.first(where: { $0.severity == .error }) {
      throw CheckpointError(.mismatch, finding.message)
    }
    if sourcePath != nil, !initialization.readsSource {
      throw .invalidArgument("\(initialization.rawValue) takes no source")
    }
    if text != nil, initialization != .text {
      throw .invalidArgument("\(initialization.rawValue) takes no word embeddings")
    }
    if text == nil, initialization == .text {
      throw CheckpointError(
        .invalidArgument, "TEXT needs word embeddings and token ids",
        hint: "give them with --word-embeddings and --token-ids")
    }
    guard initialization == .averageSourceTasks || initialization == .exactSourceTask else {
      return
    }
    guard config.taskCount == 1 else {
      throw CheckpointError(
        .mismatch,
        "\"num_tasks\" must be 1 with \(initialization.rawValue), and is \(config.taskCount ?? 0)")
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

  /// A tensor as PEFT draws it: the embeddings from N(0, 1), the factors from N(0, 0.02).
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
      throw error.hinting("the config names it in \"\(key)\"; --source names another")
    }
  }
}
