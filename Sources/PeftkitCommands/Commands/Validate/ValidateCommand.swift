internal import ArgumentParser
internal import PEFT
internal import Tensors

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Say everything that can be said of a checkpoint without running it.",
    discussion: """
      Of an adapter directory: whether the config is one that PEFT loads, whether the weights are \
      those that it describes, and what would fail on another machine. Of any checkpoint: whether \
      its values are finite. Exit code 1 when there is an error or a warning; notes are no failure.

      EXAMPLES:
        peftkit validate my-adapter
        peftkit validate my-adapter --json | jq '.findings[].message'
      """)

  @Argument(
    help: "A checkpoint file, an index of shards, or the directory of an adapter or a model.",
    completion: .file())
  var path: String

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  func run() throws {
    let report = try ValidationReport(path: path)
    try print(report, json: json)
    if !report.holds { throw ExitCode.finding }
  }
}
