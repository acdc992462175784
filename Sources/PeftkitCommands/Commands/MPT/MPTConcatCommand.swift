// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import Tensors

struct MPTConcatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "concat",
    abstract: "Combine the tasks of several adapters in one.",
    discussion: """
      The adapters must have the same prompt, value by value. Lower ranks are padded with zeros, \
      which changes no prompt. The tasks of the first adapter come first, and its config is kept.

      EXAMPLES:
        peftkit mpt concat tasks-a tasks-b -o all-tasks
      """)

  @Argument(help: "Multitask prompt tuning adapter directories.", completion: .directory)
  var adapters: [CheckpointArgument]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The adapter directory to write.", valueName: "path"),
    completion: .directory)
  var output: String

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func run() throws {
    Interruption.noteSignals()
    let adapters = try adapters.map { adapter throws(CheckpointError) in
      try MultitaskPromptAdapter(path: adapter.path())
    }
    try MultitaskPromptAdapter.concatenating(adapters).write(to: output, policy: options.policy)
  }
}
