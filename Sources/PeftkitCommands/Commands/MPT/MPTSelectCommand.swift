// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import Tensors

struct MPTSelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Keep, drop or reorder tasks.",
    discussion: """
      Values do not change. The selected tasks are renumbered from 0.

      EXAMPLES:
        peftkit mpt select my-adapter --tasks 2,0 -o two-tasks
        peftkit mpt select my-adapter --drop 1 -o without-task-1
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(help: ArgumentHelp("The tasks to keep, in their new order.", valueName: "ids"))
  var tasks: TaskList?

  @Option(help: ArgumentHelp("The tasks to drop.", valueName: "ids"))
  var drop: TaskList?

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if (tasks == nil) == (drop == nil) {
      throw ValidationError("Give either '--tasks' or '--drop'.")
    }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter.path())
    let result: ComputedAdapter
    if let tasks {
      result = try adapter.selecting(tasks: tasks.ids)
    } else {
      result = try adapter.dropping(tasks: drop?.ids ?? [])
    }
    try result.write(to: arguments.output, policy: options.policy)
  }
}
