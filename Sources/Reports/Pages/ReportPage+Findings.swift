// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors
internal import Validation

extension [Finding] {
  /// The verdict: the counts of findings by severity, named by the worst.
  var verdict: ReportVerdict {
    let counts = Finding.Severity.allCases.compactMap { severity -> String? in
      let count = count { $0.severity == severity }
      return count > 0 ? ReportNumber.count(count, severity.rawValue) : nil
    }
    return ReportVerdict(
      map(\.severity).max(), counts.isEmpty ? "No findings" : counts.joined(separator: ", "))
  }

  /// The findings of a page, the worst first, with those that are too many of a code counted.
  func reported() -> (findings: [ReportFinding], omitted: [String: Int]) {
    var printed: [Finding.Code: Int] = [:]
    var omitted: [String: Int] = [:]
    var findings: [ReportFinding] = []
    for severity in Finding.Severity.allCases.sorted(by: >) {
      for finding in self where finding.severity == severity {
        let number = printed[finding.code, default: 0]
        guard number < ReportLimits.findingsOfOneCode, findings.count < ReportLimits.findings
        else {
          omitted[finding.code.rawValue, default: 0] += 1
          continue
        }
        printed[finding.code] = number + 1
        findings.append(ReportFinding(finding))
      }
    }
    return (findings, omitted)
  }
}

extension ReportFinding {
  /// Describes a finding with its repairs in words.
  init(_ finding: Finding) {
    var remedies = finding.repairs.prefix(ReportLimits.remedies).map(\.sentence)
    let rest = finding.repairs.count - remedies.count
    if rest > 0 { remedies.append("And \(ReportNumber.count(rest, "change")) more of this kind.") }
    self.init(
      severity: finding.severity, code: finding.code.rawValue, message: finding.message,
      remedies: remedies)
  }
}

extension Finding.Repair {
  /// The repair as an instruction.
  var sentence: String {
    switch self {
    case .renameTensor(let from, let to): "Rename \(from.excerpt) to \(to.excerpt)."
    case .removeTensor(let name): "Leave out \(name.excerpt)."
    case .removeKey(let key): "Remove \"\(key.excerpt)\" from the config."
    case .setKey(let key, let value):
      "Set \"\(key.excerpt)\" in the config to \(value.description.excerpt)."
    case .setMetadata(let key, let text):
      "Set \"\(key.excerpt)\" in the metadata of the weights to \"\(text.excerpt)\"."
    case .writeWeights(let name): "Write the weights again as \(name.excerpt)."
    case .removeFile(let name): "Remove the file \(name.excerpt)."
    case .rewriteIndex: "Write the index again from the shards."
    }
  }
}

extension MeasuredCheckpoint {
  /// The findings with their remedies.
  var findingSection: ReportSection {
    let (reported, omitted) = findings.reported()
    let binding = try? validation.get().binding
    var blocks: [ReportBlock] =
      reported.isEmpty
      ? [
        .paragraph(
          adapter == nil ? "None." : "None: PEFT loads it whole, as far as the files tell.")
      ] : [.findings(reported)]
    if !omitted.isEmpty {
      let parts = omitted.sorted { $0.key < $1.key }.map {
        "\(ReportNumber.count($0.value)) \($0.key)"
      }
      blocks.append(
        .paragraph("And more that the page leaves out: \(parts.joined(separator: ", "))."))
    }
    if let binding, !binding.kinds.isEmpty { blocks.append(.table(binding.table)) }
    let count = findings.count { !$0.repairs.isEmpty }
    let lead =
      count > 0
      ? "\(count == 1 ? "One finding" : "\(ReportNumber.count(count)) findings") can be repaired by the changes below, which keep what the adapter computes."
      : nil
    return ReportSection("Findings", lead: lead, blocks)
  }
}

extension Binding {
  /// The kinds of modules, and how many of each PEFT loads into the base model.
  fileprivate var table: ReportTable {
    var table = ReportTable(
      "Modules of the base model that the adapter binds to",
      [.init("Kind"), .init("State"), .init("Modules", isNumeric: true)], limit: 200)
    for kind in kinds {
      for state in State.allCases {
        guard let count = kind.counts[state] else { continue }
        let isSaved = kind.isSaved && state == .bound
        table.add([.code(kind.name), .text(isSaved ? "saved" : state.rawValue), .count(count)])
      }
    }
    return table
  }
}
