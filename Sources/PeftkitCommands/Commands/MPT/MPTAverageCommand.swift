// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
internal import Files
public import MultitaskPromptTuning
internal import Tensors

struct MPTAverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "average",
    abstract: "Average tasks into one.",
    discussion: """
      --of factors, the default, averages cols and rows separately, with the same bits as PEFT's \
      AVERAGE_SOURCE_TASKS. --of prompts averages the prompts of the tasks: the rank grows to that \
      of the sum, unless --rank asks for the best approximation of a lower rank.

      EXAMPLES:
        peftkit mpt average my-adapter -o mean
        peftkit mpt average my-adapter --tasks 0,2 --of prompts --rank 2 -o mean
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(help: ArgumentHelp("The tasks to average (default: all).", valueName: "ids"))
  var tasks: TaskList?

  @Option(help: "What to average: factors or prompts.")
  var of: TaskAverage = .factors

  @Option(help: "The rank of the mean of prompts.")
  var rank: Int?

  @Flag(help: "With --of prompts, print JSON, described in spec/mpt-operations.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if rank != nil, of == .factors {
      throw ValidationError("'--rank' goes with '--of prompts' only.")
    }
    if let rank, rank < 1 { throw ValidationError("'--rank' must be at least 1.") }
    // The mean of factors is exact (spec/mpt-operations.md, O10): there is no error to report.
    if json, of == .factors {
      throw ValidationError("'--json' goes with '--of prompts' only.")
    }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter.path())
    let result = try adapter.averaging(tasks: tasks?.ids, of: of, rank: rank)
    try result.adapter.write(to: arguments.output, policy: options.policy)
    guard of == .prompts else { return }
    try print(FactorReport(result, path: arguments.output), json: json)
  }
}

extension TaskAverage: ExpressibleByArgument {}
