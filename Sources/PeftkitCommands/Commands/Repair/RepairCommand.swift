// SPDX-License-Identifier: Apache-2.0
internal import AdapterRepair
internal import ArgumentParser
internal import Concurrency
internal import Files
internal import PEFT
internal import Tensors

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair", _superCommandName: Tool.name,
    abstract: "Repair what validate finds, where that changes nothing that is computed.",
    discussion: """
      Writes a new directory in which tensors have the names that PEFT expects, and files, keys and \
      metadata are as it wants them. Values, shapes and keys with a meaning are never changed. With a \
      base model, tensors are also renamed to the modules that it has. Lists what was done, and the \
      findings that are left. Exit code 1 when errors or warnings are left; \
      the output is written all the same.

      EXAMPLES:
        peftkit repair my-adapter -o repaired
        peftkit repair my-adapter -o repaired --dry-run --json
      """)

  @Argument(help: "The directory of an adapter or a model.", completion: .directory)
  var path: CheckpointArgument

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The directory to write.", valueName: "out"),
    completion: .directory)
  var output: String

  @OptionGroup
  var against: FindingArguments

  @Flag(help: "List what would be done, and write nothing.")
  var dryRun = false

  @Flag(help: "Print JSON, described in spec/repair.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func run() throws {
    let written = ByteCounter()
    var policy = options.policy
    policy.written = written
    let plan = try RepairJob(
      source: path.path(), destination: output, options: against.options(), policy: policy
    ).plan()
    let report = RepairReport(plan: plan, isDryRun: dryRun)
    if !dryRun {
      // Until here, a signal ends the process at once: nothing was written.
      Interruption.noteSignals()
      try TransferProgress.showing(written, of: plan.byteCount) { () throws(CheckpointError) in
        try plan.execute()
      }
    }
    try print(report, json: json)
    if !report.holds { throw ExitCode.finding }
  }
}
