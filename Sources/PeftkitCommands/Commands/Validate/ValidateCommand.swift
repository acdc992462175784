// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import PEFT
internal import Tensors
internal import Validation

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check a checkpoint for problems without running it.",
    discussion: """
      For an adapter directory: whether PEFT can load the config, whether the weights match it, \
      and what would fail on another machine. For any checkpoint: whether its values are finite. \
      Exit code 1 when there is an error or a warning; notes do not count. With --recursive it \
      checks every adapter, model and checkpoint file of a tree, with a line for each that has \
      findings; one that cannot be read does not stop the others.

      EXAMPLES:
        peftkit validate my-adapter
        peftkit validate my-adapter --ignore superseded-weights --fail-on error
        peftkit validate my-adapter/adapter_config.json
        peftkit validate my-adapters --recursive
        peftkit validate my-adapter --json | jq '.findings[].message'
      """)

  @Argument(
    help: """
      A checkpoint file, an index of shards, the directory of an adapter or a model, or an \
      adapter_config.json.
      """,
    completion: .file())
  var path: String

  @Flag(help: "Check every adapter, model and checkpoint file of a tree.")
  var recursive = false

  @OptionGroup
  var against: FindingArguments

  @OptionGroup
  var filter: FindingFilter

  @Flag(help: "Print JSON, described in spec/command-line.md; with --recursive, JSON lines.")
  var json = false

  func run() throws {
    let options = try against.options()
    if recursive {
      let tree = TreeReport(root: path, filter: filter, json: json)
      if let code = try tree.run(options) { throw code }
      return
    }
    let validation = try Validation(path: path, options: options)
    let report = ValidationReport(validation, filter)
    try print(report, json: json)
    if !report.holds { throw ExitCode.finding }
  }
}
