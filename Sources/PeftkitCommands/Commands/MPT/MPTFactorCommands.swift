internal import ArgumentParser
internal import Files
internal import JSONDocument
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

struct MPTRankCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rank",
    abstract: "Change the rank of the task factors.",
    discussion: """
      A lower rank keeps the largest singular values of every task's cols @ rows, which is the best \
      that rank can do; the relative error of each task is printed. A higher one fills up with zeros \
      and is exact. peftkit inspect --json has the singular values.

      EXAMPLES:
        peftkit mpt rank my-adapter --to 4 -o smaller
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(name: .customLong("to"), help: ArgumentHelp("The new rank.", valueName: "rank"))
  var rank: Int

  @Flag(help: "Print JSON, described in spec/mpt-operations.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if rank < 1 { throw ValidationError("'--to' must be at least 1.") }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter)
    let result = try adapter.changingRank(to: rank)
    try result.adapter.write(to: arguments.output, policy: options.policy)
    try FactorReport(result, path: arguments.output).print(asJSON: json)
  }
}

struct MPTCanonicalizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "canonicalize",
    abstract: "Bring the task factors into their normal form.",
    discussion: """
      cols and rows are unique only up to an invertible factor between them. In the normal form, \
      that of the singular value decomposition, adapters that compute the same compare equal within \
      rounding. The relative error that the rounding of the new factors makes is printed.

      EXAMPLES:
        peftkit mpt canonicalize my-adapter -o normal-form
        peftkit mpt canonicalize my-adapter --tolerance 1e-6 -o normal-form
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(help: "Take singular values up to this share of a task's largest for zero.")
  var tolerance = 0.0

  @Flag(help: "Print JSON, described in spec/mpt-operations.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if !(tolerance >= 0 && tolerance < 1) {
      throw ValidationError("'--tolerance' must be a number of at least 0 and below 1.")
    }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter)
    let result = try adapter.canonicalized(tolerance: tolerance)
    try result.adapter.write(to: arguments.output, policy: options.policy)
    try FactorReport(result, path: arguments.output).print(asJSON: json)
  }
}

/// What factors that were computed anew came to.
struct FactorReport {
  private let path: String
  private let rank: Int?
  private let errors: [Double]

  init(_ result: ApproximatedAdapter, path: String) {
    self.path = path
    rank = result.adapter.config.document[MultitaskPromptTuningFields.rank.key]?.integer
    errors = result.errors
  }

  func print(asJSON: Bool) throws(CheckpointError) {
    if asJSON {
      try printJSON()
    } else {
      try printText()
    }
  }

  private func printText() throws(CheckpointError) {
    var output = TextOutput()
    var table = Table([("task", .right), ("rank", .right), ("relative error", .right)])
    for (task, error) in errors.enumerated() {
      table.add([String(task), rank.map { String($0) } ?? "-", Sizes.scientific(error)])
    }
    output.table(table)
    try output.print()
  }

  private func printJSON() throws(CheckpointError) {
    var output = JSONOutput()
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("rank", rank)
    output.writer.key("tasks")
    output.writer.beginArray()
    for error in errors {
      output.writer.beginObject()
      output.writer.member("relative_error", error.isFinite ? error : nil as Double?)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.endObject()
    try output.print()
  }
}
