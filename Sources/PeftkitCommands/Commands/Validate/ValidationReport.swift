// SPDX-License-Identifier: Apache-2.0
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

  /// Whether nothing was found but notes.
  var holds: Bool { findings.allSatisfy { $0.severity == .note } }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    for finding in findings {
      output.line(
        output.styled(finding.severity.rawValue + ":", finding.severity.style)
          + " \(finding.message.printable) [\(finding.code)]")
    }
    let renames = findings.compactMap(\.rename?.option)
    if !renames.isEmpty {
      output.line(output.styled("hint:", .cyan) + " convert " + renames.joined(separator: " "))
    }
    let path = path.printable
    let holds = Sizes.count(checkpoint.archive.tensorCount, "tensor")
    if findings.isEmpty {
      output.line("\(path): \(holds), no findings")
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
    output.writer.member("holds", holds)
    output.writer.key("findings")
    output.writer.beginArray()
    for finding in findings {
      output.writer.beginObject()
      output.writer.member("severity", finding.severity.rawValue)
      output.writer.member("code", finding.code)
      output.writer.member("message", finding.message)
      output.writer.member("key", finding.key)
      output.writer.member("tensor", finding.tensor?.string)
      output.writer.member("renamed_from", finding.rename?.from.string)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.member("finding_count", findings.count)
    output.writer.endObject()
  }
}

extension Finding.Severity {
  fileprivate var style: Style {
    switch self {
    case .error: .red
    case .warning: .yellow
    case .note: .cyan
    }
  }
}

extension TensorRename {
  /// The option of `convert` that renames the tensor; nil for names with other characters than
  /// letters, digits, `_`, `-` and `.`, which a shell or an expression may read differently.
  fileprivate var option: String? {
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
