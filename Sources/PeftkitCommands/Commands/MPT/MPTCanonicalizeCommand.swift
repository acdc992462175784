// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import Tensors

struct MPTCanonicalizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "canonicalize",
    abstract: "Bring the task factors into a normal form.",
    discussion: """
      cols and rows are unique only up to an invertible factor between them. In the normal form, \
      that of the singular value decomposition, adapters with the same products compare equal within \
      rounding. The output is a table of the relative errors that rounding the new factors causes.

      EXAMPLES:
        peftkit mpt canonicalize my-adapter -o normal-form
        peftkit mpt canonicalize my-adapter --tolerance 1e-6 -o normal-form
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(help: "Treat singular values up to this share of a task's largest as zero.")
  var tolerance = 0.0

  @Flag(help: "Print JSON, described in spec/mpt-operations.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if !(tolerance >= 0 && tolerance < 1) {
      throw ValidationError("'--tolerance' must be a number of at least 0 and below 1.")
    }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter.path())
    let result = try adapter.canonicalized(tolerance: tolerance)
    try result.adapter.write(to: arguments.output, policy: options.policy)
    try print(FactorReport(result, path: arguments.output), json: json)
  }
}
