// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import PEFT
internal import Tensors

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check a checkpoint for problems without running it.",
    discussion: """
      For an adapter directory: whether PEFT can load the config, whether the weights match it, \
      and what would fail on another machine. For any checkpoint: whether its values are finite. \
      Exit code 1 when there is an error or a warning; notes do not count.

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
