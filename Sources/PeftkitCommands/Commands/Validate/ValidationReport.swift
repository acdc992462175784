internal import Archives
internal import Checkpoints
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

/// The findings of `validate`.
struct ValidationReport: Report {
  let path: String
  let checkpoint: OpenedCheckpoint
  let findings: [Finding]

  init(path: String) throws(CheckpointError) {
    self.path = path
    checkpoint = try OpenedCheckpoint(path: path)
    if let adapter = checkpoint.adapter {
      findings = try adapter.findings()
    } else {
      let archive = checkpoint.archive
      findings = try archive.fileFindings + archive.valueFindings()
    }
  }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    for finding in findings {
      let style: Style = finding.severity == .error ? .red : .yellow
      output.line(
        output.styled(finding.severity.rawValue + ":", style)
          + " \(finding.message.printable) [\(finding.code)]")
    }
    let path = path.printable
    let holds = Sizes.count(checkpoint.archive.tensorCount, "tensor")
    if findings.isEmpty {
      output.line("\(path): \(holds), nothing found")
    } else {
      output.line("\(path): \(holds), \(Sizes.count(findings.count, "finding"))")
    }
  }

  /// The schema is in spec/command-line.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("kind", checkpoint.kind.rawValue)
    output.writer.member("format", checkpoint.archive.variant.name)
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
  }
}
