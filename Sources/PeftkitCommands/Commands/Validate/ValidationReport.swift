// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors
internal import Validation

/// The findings about one path.
struct ValidationReport: Report {
  let validation: Validation
  /// The findings that are not ignored.
  let findings: [Finding]
  /// Whether none of them counts.
  let holds: Bool

  /// The options that a repair of the findings needs, too.
  private let options: String

  /// - Parameter options: what the checkpoint was checked against, as a command line has it.
  init(_ validation: Validation, _ filter: FindingFilter, options: String = "") {
    self.validation = validation
    self.options = options
    findings = filter.kept(of: validation.findings)
    holds = filter.holds(findings)
  }

  private var ignoredCount: Int { validation.findings.count - findings.count }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    try output.findings(findings)
    if let binding = validation.binding { try output.binding(binding) }
    let repairable = findings.count { !$0.repairs.isEmpty }
    if repairable > 0, validation.kind == .adapter || validation.kind == .model {
      output.line(
        output.styled("hint:", .cyan)
          + " peftkit repair \(validation.path.printable) -o OUT\(options) can fix "
          + Sizes.count(repairable, "finding"))
    }
    var parts = validation.tensorCount.map { [Sizes.count($0, "tensor")] } ?? []
    parts.append(findings.isEmpty ? "no findings" : Sizes.count(findings.count, "finding"))
    if ignoredCount > 0 { parts.append("\(Sizes.count(ignoredCount)) ignored") }
    output.line("\(validation.path.printable): \(parts.joined(separator: ", "))")
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    write(to: &output.writer)
  }

  /// Writes the object of spec/command-line.md L27.
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("path", validation.path)
    writer.member("kind", validation.kind.rawValue)
    writer.member("format", validation.format)
    writer.member("holds", holds)
    writer.key("findings")
    writer.beginArray()
    for finding in findings { writer.finding(finding) }
    writer.endArray()
    if let binding = validation.binding {
      writer.key("base")
      writer.binding(binding)
    }
    writer.member("finding_count", findings.count)
    writer.member("ignored_count", ignoredCount)
    writer.endObject()
  }
}
