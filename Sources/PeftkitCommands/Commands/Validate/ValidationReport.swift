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

  init(_ validation: Validation, _ filter: FindingFilter) {
    self.validation = validation
    findings = filter.kept(of: validation.findings)
    holds = filter.holds(findings)
  }

  private var ignoredCount: Int { validation.findings.count - findings.count }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    try output.findings(findings)
    let renames = findings.flatMap(\.renames).compactMap(Self.option)
    if !renames.isEmpty {
      output.line(output.styled("hint:", .cyan) + " convert " + renames.joined(separator: " "))
    }
    var parts = validation.tensorCount.map { [Sizes.count($0, "tensor")] } ?? []
    parts.append(findings.isEmpty ? "no findings" : Sizes.count(findings.count, "finding"))
    if ignoredCount > 0 { parts.append("\(Sizes.count(ignoredCount)) ignored") }
    output.line("\(validation.path.printable): \(parts.joined(separator: ", "))")
  }

  /// The schema is in spec/command-line.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", validation.path)
    output.writer.member("kind", validation.kind.rawValue)
    output.writer.member("format", validation.format)
    output.writer.member("holds", holds)
    output.writer.key("findings")
    output.writer.beginArray()
    for finding in findings {
      output.writer.finding(finding)
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.member("finding_count", findings.count)
    output.writer.member("ignored_count", ignoredCount)
    output.writer.endObject()
  }

  /// The option of `convert` that renames a tensor; nil for names with other characters than
  /// letters, digits, `_`, `-` and `.`, which a shell or an expression may read differently.
  private static func option(from: TensorName, to: TensorName) -> String? {
    let isPlain = (from.string + to.string).utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isPlain else { return nil }
    let pattern = from.string.split(separator: ".", omittingEmptySubsequences: false)
      .joined(separator: "\\.")
    return "--rename '^\(pattern)$=\(to.string)'"
  }
}
