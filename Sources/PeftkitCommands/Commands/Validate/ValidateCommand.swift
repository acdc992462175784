internal import ArgumentParser
internal import Checkpoints
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Say everything that can be said of a checkpoint without running it.",
    discussion: """
      Of an adapter directory: whether the config is one that PEFT loads, whether the weights are \
      those that it describes, and what would fail on another machine. Of any checkpoint: whether \
      its values are finite. Exit code 1 when there is a finding.

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
    let inspection = try Inspection(path: path)
    let findings = try inspection.adapter?.findings() ?? inspection.archive.valueFindings()
    if json {
      try printJSON(findings, of: inspection)
    } else {
      try printText(findings, of: inspection)
    }
    if !findings.isEmpty { throw ExitCode.finding }
  }

  private func printText(
    _ findings: [Finding], of inspection: Inspection
  ) throws(CheckpointError) {
    var output = TextOutput()
    for finding in findings {
      let style: Style = finding.severity == .error ? .red : .yellow
      output.line(
        output.styled(finding.severity.rawValue + ":", style)
          + " \(finding.message.printable) [\(finding.code)]")
    }
    let holds = Sizes.count(inspection.archive.tensorCount, "tensor")
    if findings.isEmpty {
      output.line("\(path.printable): \(holds), nothing found")
    } else {
      output.line("\(path.printable): \(holds), \(Sizes.count(findings.count, "finding"))")
    }
    try output.print()
  }

  private func printJSON(
    _ findings: [Finding], of inspection: Inspection
  ) throws(CheckpointError) {
    var output = JSONOutput()
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("kind", inspection.checkpoint.kind.rawValue)
    output.writer.member("format", inspection.archive.format.rawValue)
    output.writer.member("holds", findings.isEmpty)
    output.writer.key("findings")
    output.writer.beginArray()
    for finding in findings {
      output.writer.beginObject()
      output.writer.member("severity", finding.severity.rawValue)
      output.writer.member("code", finding.code)
      output.writer.member("message", finding.message)
      output.writer.member("key", finding.key)
      output.writer.member("tensor", finding.tensor?.string)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.member("finding_count", findings.count)
    output.writer.endObject()
    try output.print()
  }
}
