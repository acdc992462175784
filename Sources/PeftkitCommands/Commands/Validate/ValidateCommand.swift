// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ArgumentParser
internal import Concurrency
internal import Files
internal import PEFT
internal import Tensors
internal import Validation

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", _superCommandName: Tool.name,
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
        peftkit validate my-adapter --peft 0.17.1 --for vllm
        peftkit validate my-adapters --recursive
        peftkit validate my-adapters --recursive --sarif > findings.sarif
        peftkit validate my-adapter --json | jq '.findings[].message'
      """)

  @Argument(
    help: """
      A checkpoint file, an index of shards, the directory of an adapter or a model, or an \
      adapter_config.json.
      """,
    completion: .file())
  var path: CheckpointArgument

  @Flag(
    help: "Check every adapter, model and checkpoint file of a tree; JSON has a line for each.")
  var recursive = false

  @OptionGroup
  var against: FindingArguments

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "Check what a runtime refuses or ignores: \(Self.runtimeNames).", valueName: "runtime"),
    completion: .list(Runtime.all.map(\.name)), transform: { try Self.runtime($0) })
  var runtime: Runtime?

  @OptionGroup
  var filter: FindingFilter

  @OptionGroup
  var output: ReportFormOptions

  @OptionGroup var console: ConsoleOptions

  func run() throws {
    var options = try against.options()
    options.runtime = runtime
    let path = try path.path(isTree: recursive)
    if recursive {
      let tree = TreeReport(root: path, filter: filter, form: output.form)
      if let code = try tree.run(options) { throw code }
      return
    }
    let validation = try Self.validation(path, options)
    if against.base != nil, validation.kind != .adapter {
      Console.print(
        notes: ["the base model is not compared: this is not the directory of an adapter"],
        about: path)
    }
    let report = ValidationReport(validation, filter, options: against.words)
    if output.form == .sarif {
      try report.printSARIF()
    } else {
      try print(report, json: output.json)
    }
    if !report.holds { throw ExitCode.finding }
  }

  private static func validation(
    _ path: String, _ options: FindingOptions
  ) throws(CheckpointError) -> Validation {
    let total = ByteCounter()
    let start = InputFile.readByteCount
    return try ProgressLine.showing { seconds in
      TransferProgress.line(InputFile.readByteCount - start, of: total.value, after: seconds)
    } while: { () throws(CheckpointError) in
      try Validation(path: path, options: options) { total.add($0.tensorByteCount) }
    }
  }

  private static var runtimeNames: String {
    let names = Runtime.all.map(\.name)
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }

  private static func runtime(_ text: String) throws -> Runtime {
    if let runtime = Runtime.all.first(where: { $0.name == text }) { return runtime }
    let advice = text.suggestion(from: Runtime.all.map(\.name)) ?? "there are \(runtimeNames)"
    throw ValidationError("unknown runtime '\(text.excerpt)'; \(advice)")
  }
}
