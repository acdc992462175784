// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import JSONDocument
internal import PEFT
internal import Tensors
internal import Validation

/// The counts of `validate --recursive`.
struct TreeSummary {
  /// The units that were checked.
  private(set) var checked = 0
  /// The units that cannot be read.
  private(set) var unreadable = 0
  /// The units whose worst finding has a severity.
  private var worst: [Finding.Severity: Int] = [:]
  /// Whether no finding counts.
  private var holds = true

  /// Counts a unit.
  mutating func add(_ result: Result<ValidationReport, CheckpointError>) {
    checked += 1
    switch result {
    case .failure: unreadable += 1
    case .success(let report):
      if let severity = report.findings.map(\.severity).max() { worst[severity, default: 0] += 1 }
      holds = holds && report.holds
    }
  }

  /// The exit code of the worst unit; nil for success.
  var exitCode: ExitCode? { unreadable > 0 ? .unusable : holds ? nil : .finding }

  /// `2,000 checked, 3 with errors, 1 with warnings, 1 unreadable`; units with an error are not
  /// counted again for their warnings.
  var text: String {
    var parts = [Sizes.count(checked) + " checked"]
    for severity in Finding.Severity.allCases {
      guard let count = worst[severity] else { continue }
      parts.append("\(Sizes.count(count)) with \(severity.rawValue)s")
    }
    if unreadable > 0 { parts.append("\(Sizes.count(unreadable)) unreadable") }
    if parts.count == 1 { parts.append("no findings") }
    return parts.joined(separator: ", ")
  }

  /// The last of the JSON lines.
  func line(in root: String) -> String {
    var writer = JSONWriter.line
    writer.beginObject()
    writer.member("path", root)
    writer.member("kind", "tree")
    writer.member("holds", exitCode == nil)
    writer.member("checked", checked)
    for severity in Finding.Severity.allCases {
      writer.member("with_\(severity.rawValue)s", worst[severity, default: 0])
    }
    writer.member("unreadable", unreadable)
    writer.endObject()
    return String(decoding: writer.finish(), as: UTF8.self)
  }
}

extension JSONWriter {
  /// Writes one line of strict JSON in ASCII.
  static var line: JSONWriter {
    JSONWriter(
      JSONStyle(indent: nil, escapesNonASCII: true, sortsKeys: false, quotesNonFinite: true))
  }
}
