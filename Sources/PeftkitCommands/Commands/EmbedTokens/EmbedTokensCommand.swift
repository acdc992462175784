// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Checkpoints
internal import Concurrency
internal import Conversion
internal import Files
internal import Merging
internal import Tensors

struct EmbedTokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed-tokens", _superCommandName: Tool.name,
    abstract: "Add the prompts of an adapter to a model as new tokens.",
    discussion: """
      The vectors of the prompt become rows at the end of the model's embedding, with ids of their own. \
      Any program that runs the model then runs the prompt: with these ids in front of those of the \
      text, it computes what PEFT computes with the adapter. Prints the ids, which are also in \
      prompt_tokens.json next to the weights. For multitask prompt tuning, each task is a prompt of its \
      own; prompt tuning and P-tuning have one. All other files of the model are copied.

      EXAMPLES:
        peftkit embed-tokens my-adapter --base my-model -o my-model-with-prompts
        peftkit embed-tokens my-adapter --base my-model --tasks 0,2 -o some
      """)

  @Argument(help: "The adapter directory.", completion: .directory)
  var adapter: CheckpointArgument

  @Option(
    help: ArgumentHelp("The directory of the base model, or its name.", valueName: "model"),
    completion: .directory)
  var base: CheckpointArgument

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The model directory to write.", valueName: "path"),
    completion: .directory)
  var output: String

  @Option(
    help: ArgumentHelp("The tasks of a multitask adapter (default: all).", valueName: "ids"))
  var tasks: TaskList?

  @Option(
    help: ArgumentHelp(
      "Make the size of the vocabulary a multiple of this number.", valueName: "count"))
  var padToMultipleOf = 1

  @OptionGroup var shardSize: ShardSizeOption

  @Flag(help: "List the tokens, and write nothing.")
  var dryRun = false

  @Flag(help: "Print JSON, described in spec/embedded-prompts.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if !(1...1 << 20).contains(padToMultipleOf) {
      throw ValidationError("'--pad-to-multiple-of' must be from 1 to \(1 << 20).")
    }
  }

  func run() throws {
    let written = ByteCounter()
    var job = try TokenEmbeddingJob(
      adapter: adapter.path(), base: base.path(), destination: output)
    job.tasks = tasks?.ids
    job.vocabularyMultiple = padToMultipleOf
    job.shardByteCount = shardSize.byteCount
    job.policy = options.policy
    job.policy.written = written
    let plan = try job.plan()
    Console.print(notes: plan.notes)
    if !dryRun {
      // Until here, a signal ends the process at once: nothing was written.
      Interruption.noteSignals()
      _ = try TransferProgress.showing(written, of: plan.conversion.tensorByteCount) {
        () throws(CheckpointError) in
        try plan.conversion.execute()
      }
    }
    try print(EmbedTokensReport(plan: plan, isDryRun: dryRun), json: json)
  }
}
