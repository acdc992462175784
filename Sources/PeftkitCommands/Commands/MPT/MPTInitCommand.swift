internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

struct MPTInitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Initialise an adapter from a config, as PEFT does.",
    discussion: """
      The config says how (prompt_tuning_init): RANDOM; AVERAGE_SOURCE_TASKS, EXACT_SOURCE_TASK and \
      ONLY_SOURCE_SHARED from the checkpoint of --source, or of the config; TEXT from the word \
      embeddings of the base model and the ids that its tokenizer gives. token_dim must be set.

      What is random comes from --seed: the same seed gives the same file on every machine.

      PEFT reads the source of such a config again whenever it loads the adapter. The config that is \
      written therefore says RANDOM, which changes nothing about the weights; --keep-source leaves \
      it as PEFT would.

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
  var source: String?

  @Option(help: "Where the random numbers start.")
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "The base model's word embeddings: a checkpoint and the tensor in it.",
      valueName: "file:tensor"),
    completion: .file())
  var wordEmbeddings: TensorInFile?

  @Option(
    help: ArgumentHelp(
      "What the tokenizer makes of the text, separated by commas.", valueName: "ids"))
  var tokenIds: TaskList?

  @Option(
    help: ArgumentHelp(
      "A checkpoint or adapter with the heads, which adapters for classification need.",
      valueName: "path"),
    completion: .file())
  var heads: String?

  @Flag(help: "Let the config name the source, as PEFT does.")
  var keepSource = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The adapter directory to write.", valueName: "dir"),
    completion: .directory)
  var output: String

  @OptionGroup var options: OutputOptions

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
        MultitaskPromptTuningConfig(AdapterConfig(path: config)), seed: seed, sourcePath: source,
        text: text, headsPath: heads, keepsSource: keepSource
      ).run()
    } catch {
      throw error.inFile(config)
    }
    try adapter.write(to: output, policy: options.policy)
  }
}

extension MPTInitCommand {
  /// What is replaced goes whole, and would take the config with it. An adapter's own may: the output
  /// has the same again.
  private func refuseHoldingConfig() throws(CheckpointError) {
    let parts = config.split(separator: "/", omittingEmptySubsequences: false)
    let isAdapters = parts.last.map { $0 == AdapterConfig.fileName } ?? false
    let directory = parts.dropLast().joined(separator: "/")
    let origin = isAdapters ? (parts.count > 1 ? directory + "/" : ".") : config
    guard PathRelation.isInside(origin, output) else { return }
    throw CheckpointError(
      .invalidArgument, "holds \(config), which the adapter is initialised from", path: output)
  }
}
