// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

struct MPTInitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Initialize an adapter from a config, as PEFT does.",
    discussion: """
      The config gives the method (prompt_tuning_init): RANDOM; AVERAGE_SOURCE_TASKS, \
      EXACT_SOURCE_TASK and ONLY_SOURCE_SHARED, which read a checkpoint, named by --source or by \
      the config; TEXT, which needs the word embeddings of the base model and the token ids of the \
      text. token_dim must be set, unless a source tells it.

      Random numbers come from --seed: the same seed gives the same file on every machine.

      PEFT reads the source again whenever it loads such an adapter. The config that is written \
      therefore says RANDOM, which does not affect the weights; --keep-source writes it as PEFT \
      does.

      EXAMPLES:
        peftkit mpt init --config adapter_config.json --seed 7 -o fresh
        peftkit mpt init --config target.json --source my-adapter -o target
        peftkit mpt init --config c.json --word-embeddings w:wte --token-ids 3 -o t
      """)

  @Option(
    help: ArgumentHelp("The adapter_config.json to initialise.", valueName: "file"),
    completion: .file())
  var config: String

  @Option(
    help: ArgumentHelp("A checkpoint or adapter directory to start from.", valueName: "path"),
    completion: .file())
  var source: CheckpointArgument?

  @Option(help: "The seed of the random numbers.")
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "The base model's word embeddings: a checkpoint and the tensor in it.",
      valueName: "file:tensor"),
    completion: .file())
  var wordEmbeddings: TensorInFile?

  @Option(
    help: ArgumentHelp(
      "The token ids of the text, separated by commas.", valueName: "ids"))
  var tokenIds: TaskList?

  @Option(
    help: ArgumentHelp(
      "A checkpoint or adapter with the heads, which adapters for classification need.",
      valueName: "path"),
    completion: .file())
  var heads: CheckpointArgument?

  @Flag(help: "Keep the source in the config, as PEFT does.")
  var keepSource = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The adapter directory to write.", valueName: "dir"),
    completion: .directory)
  var output: String

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if (wordEmbeddings == nil) != (tokenIds == nil) {
      throw ValidationError("'--word-embeddings' and '--token-ids' need each other.")
    }
  }

  func run() throws {
    try refuseHoldingConfig()
    Interruption.noteSignals()
    let text = wordEmbeddings.map {
      PromptText(path: $0.path, tensor: $0.tensor, tokenIDs: tokenIds?.ids ?? [])
    }
    let adapter: ComputedAdapter
    do throws(CheckpointError) {
      adapter = try MultitaskPromptInitialization(
        MultitaskPromptTuningConfig(AdapterConfig(path: config)), seed: seed,
        sourcePath: source?.path(),
        text: text, headsPath: heads?.path(), keepsSource: keepSource
      ).run()
    } catch {
      throw error.inFile(config)
    }
    try adapter.write(to: output, policy: options.policy)
  }
}

extension MPTInitCommand {
  /// Refuses an output directory that contains the config, since a directory is replaced as a
  /// whole. The config of an adapter that is replaced is allowed: the output has one, too.
  private func refuseHoldingConfig() throws(CheckpointError) {
    let parts = config.split(separator: "/", omittingEmptySubsequences: false)
    let isAdapters = parts.last.map { $0 == AdapterConfig.fileName } ?? false
    let directory = parts.dropLast().joined(separator: "/")
    let origin = isAdapters ? (parts.count > 1 ? directory + "/" : ".") : config
    guard PathRelation.isInside(origin, output) else { return }
    throw CheckpointError(
      .invalidArgument, "contains \(config), from which the adapter is initialized", path: output)
  }
}
