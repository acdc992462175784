public import ArgumentParser
internal import Files
public import MultitaskPromptTuning
internal import Tensors

struct MPTSelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Keep, drop or reorder tasks.",
    discussion: """
      Every value stays as it is. The tasks that stay are numbered anew from 0.

      EXAMPLES:
        peftkit mpt select my-adapter --tasks 2,0 -o two-tasks
        peftkit mpt select my-adapter --drop 1 -o without-task-1
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(help: ArgumentHelp("The tasks to keep, in their new order.", valueName: "ids"))
  var tasks: TaskList?

  @Option(help: ArgumentHelp("The tasks to leave out.", valueName: "ids"))
  var drop: TaskList?

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if (tasks == nil) == (drop == nil) {
      throw ValidationError("Give either '--tasks' or '--drop'.")
    }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter)
    let result: ComputedAdapter
    if let tasks {
      result = try adapter.selecting(tasks: tasks.ids)
    } else {
      result = try adapter.dropping(tasks: drop?.ids ?? [])
    }
    try result.write(to: arguments.output, policy: options.policy)
  }
}

struct MPTConcatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "concat",
    abstract: "Put the tasks of several adapters into one.",
    discussion: """
      The adapters must share their prompt, value by value. Lower ranks are filled up with zeros, \
      which changes no prompt. The tasks of the first adapter come first; its config is taken.

      EXAMPLES:
        peftkit mpt concat tasks-a tasks-b -o all-tasks
      """)

  @Argument(help: "Multitask prompt tuning adapter directories.", completion: .directory)
  var adapters: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The adapter directory to write.", valueName: "path"),
    completion: .directory)
  var output: String

  @OptionGroup var options: OutputOptions

  func run() throws {
    Interruption.noteSignals()
    let adapters = try adapters.map { path throws(CheckpointError) in
      try MultitaskPromptAdapter(path: path)
    }
    try MultitaskPromptAdapter.concatenating(adapters).write(to: output, policy: options.policy)
  }
}

struct MPTAverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "average",
    abstract: "Average tasks into one.",
    discussion: """
      --of factors, the default, averages cols and rows each by itself, as PEFT's \
      AVERAGE_SOURCE_TASKS does, with its bits. --of prompts averages the prompts that the tasks \
      compute; the rank grows to that of the sum, unless --rank asks for the best at a lower one.

      EXAMPLES:
        peftkit mpt average my-adapter -o mean
        peftkit mpt average my-adapter --tasks 0,2 --of prompts --rank 2 -o mean
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(help: ArgumentHelp("The tasks to average; all without it.", valueName: "ids"))
  var tasks: TaskList?

  @Option(help: "What to average: factors or prompts.")
  var of: TaskAverage = .factors

  @Option(help: "The rank of the mean of prompts.")
  var rank: Int?

  @Flag(help: "Of the mean of prompts, print JSON, described in spec/mpt-operations.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if rank != nil, of == .factors {
      throw ValidationError("'--rank' goes with '--of prompts' only.")
    }
    if let rank, rank < 1 { throw ValidationError("'--rank' must be at least 1.") }
    // Means of factors are exact as O10 has them: there is nothing to report.
    if json, of == .factors {
      throw ValidationError("'--json' goes with '--of prompts' only.")
    }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter)
    let result = try adapter.averaging(tasks: tasks?.ids, of: of, rank: rank)
    try result.adapter.write(to: arguments.output, policy: options.policy)
    guard of == .prompts else { return }
    try FactorReport(result, path: arguments.output).print(asJSON: json)
  }
}

extension TaskAverage: ExpressibleByArgument {}
