// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import Tensors

struct MPTRankCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rank",
    abstract: "Change the rank of the task factors.",
    discussion: """
      A lower rank keeps the largest singular values of every task's cols @ rows, which is the best \
      approximation of that rank; the output is a table of the relative errors. A higher rank pads \
      with zeros and is exact. peftkit inspect --json shows the singular values.

      EXAMPLES:
        peftkit mpt rank my-adapter --to 4 -o smaller
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(name: .customLong("to"), help: ArgumentHelp("The new rank.", valueName: "rank"))
  var rank: Int

  @Flag(help: "Print JSON, described in spec/mpt-operations.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if rank < 1 { throw ValidationError("'--to' must be at least 1.") }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter.path())
    let result = try adapter.changingRank(to: rank)
    try result.adapter.write(to: arguments.output, policy: options.policy)
    try print(FactorReport(result, path: arguments.output), json: json)
  }
}
