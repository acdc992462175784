// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

extension ReportPage {
  /// Makes the page of an overview.
  init(overview rows: [OverviewRow], omittedCount: Int, title: String, paths: [String]) {
    let subjects = rows.compactMap { try? $0.result.get() }
    let unreadable = rows.count - subjects.count
    self.init(
      kind: "Overview", title: title, paths: paths,
      verdict: Self.verdict(of: subjects, unreadable: unreadable))
    facts = Self.facts(of: subjects)
    if unreadable > 0 { facts.append(ReportFact("Unreadable", ReportNumber.count(unreadable))) }
    var blocks: [ReportBlock] = [.table(Self.table(of: rows, below: paths))]
    if omittedCount > 0 {
      blocks.append(
        .paragraph("And \(ReportNumber.count(omittedCount)) more that the page leaves out."))
    }
    sections = [
      Self.methodSection(of: subjects), Self.findingSection(of: subjects),
      ReportSection(
        "Checkpoints",
        lead: "The norm is that of all ΔW together, or of the prompts; the line shows it by layer, "
          + "by task or by virtual token, each line on a scale of its own from zero.", blocks),
    ].compactMap { $0 }
  }

  private static func verdict(
    of subjects: [OverviewRow.Subject], unreadable: Int
  ) -> ReportVerdict {
    func count(_ severity: Finding.Severity) -> Int {
      subjects.count { $0.verdict.severity == severity }
    }
    let (errors, warnings) = (count(.error) + unreadable, count(.warning))
    if errors > 0 { return ReportVerdict(.error, "\(ReportNumber.count(errors)) with errors") }
    if warnings > 0 {
      return ReportVerdict(.warning, "\(ReportNumber.count(warnings)) with warnings")
    }
    return ReportVerdict(nil, "No errors, no warnings")
  }

  private static func facts(of subjects: [OverviewRow.Subject]) -> [ReportFact] {
    func count(_ kind: OpenedCheckpoint.Kind) -> Int { subjects.count { $0.kind == kind } }
    func sum(_ figure: (OverviewRow.Subject) -> Int) -> Int {
      subjects.reduce(0) { sum, subject in
        let (sum, overflow) = sum.addingReportingOverflow(figure(subject))
        return overflow ? .max : sum
      }
    }
    var facts: [ReportFact] = []
    for (kind, name) in [
      (OpenedCheckpoint.Kind.adapter, "Adapters"), (.model, "Models"), (.file, "Files"),
    ] where count(kind) > 0 {
      facts.append(ReportFact(name, ReportNumber.count(count(kind))))
    }
    facts.append(ReportFact("Parameters", ReportNumber.count(sum { $0.parameterCount })))
    facts.append(ReportFact("Size", ReportNumber.bytes(sum { $0.byteCount })))
    for (severity, name) in [
      (Finding.Severity.error as Finding.Severity?, "With errors"), (.warning, "With warnings"),
      (.note, "With notes only"), (nil, "Without findings"),
    ] {
      let count = subjects.count { $0.verdict.severity == severity }
      if count > 0 { facts.append(ReportFact(name, ReportNumber.count(count))) }
    }
    return facts
  }

  /// The methods, those of the most adapters first.
  private static func methodSection(of subjects: [OverviewRow.Subject]) -> ReportSection? {
    let groups = Dictionary(grouping: subjects) { TensorName($0.method) }
    guard groups.count > 1 else { return nil }
    var table = ReportTable(
      "\(ReportNumber.count(groups.count, "method"))",
      [
        .init("Method"), .init("Checkpoints", isNumeric: true),
        .init("Parameters", isNumeric: true), .init("With errors", isNumeric: true),
        .init("With warnings", isNumeric: true),
      ], limit: 100)
    let order = groups.sorted { left, right in
      left.value.count == right.value.count
        ? left.key < right.key : left.value.count > right.value.count
    }
    for (method, members) in order {
      let parameters = members.reduce(0.0) { $0 + Double($1.parameterCount) }
      table.add([
        .text(method.string), .count(members.count),
        .number(parameters, ReportNumber.count(Int(min(parameters, 9e15)))),
        .count(members.count { $0.verdict.severity == .error }),
        .count(members.count { $0.verdict.severity == .warning }),
      ])
    }
    return ReportSection(
      "Methods", lead: "The methods of the checkpoints.", [.table(table, shownTo: 12)])
  }

  /// The codes of findings, those of the most adapters first.
  private static func findingSection(of subjects: [OverviewRow.Subject]) -> ReportSection? {
    var counts: [String: Int] = [:]
    for subject in subjects { for code in subject.codes { counts[code, default: 0] += 1 } }
    guard !counts.isEmpty else { return nil }
    var table = ReportTable(
      "\(ReportNumber.count(counts.count, "code")) of findings",
      [.init("Code"), .init("Checkpoints", isNumeric: true)], limit: 100)
    let order = counts.sorted { left, right in
      left.value == right.value ? left.key < right.key : left.value > right.value
    }
    for (code, count) in order { table.add([.code(code), .count(count)]) }
    return ReportSection(
      "Findings", lead: "How many checkpoints have a finding of each code.",
      [.table(table, shownTo: 12)])
  }

  private static func table(of rows: [OverviewRow], below paths: [String]) -> ReportTable {
    var table = ReportTable(
      "All checkpoints",
      [
        .init("Path"), .init("Method"), .init("Base model"),
        .init("Parameters", isNumeric: true), .init("Size", isNumeric: true),
        .init("Findings"), .init("Norm", isNumeric: true),
        .init("Eff. rank", isNumeric: true), .init("By layer"),
      ], limit: ReportLimits.overviewRows)
    table.isSortable = true
    let prefix = paths.count == 1 ? paths[0] : ""
    for row in rows { table.add(cells(of: row, below: prefix)) }
    return table
  }

  private static func cells(of row: OverviewRow, below root: String) -> [ReportCell] {
    var name = row.path[...]
    if !root.isEmpty, name.hasPrefix(root) {
      name = name.dropFirst(root.count).drop { $0 == "/" }
    }
    let path = ReportCell.code(name.isEmpty ? row.path : String(name))
    switch row.result {
    case .success(let subject):
      return [
        path, .text(subject.method.excerpt), .text(subject.base.shortenedPath(to: 40)),
        .count(subject.parameterCount), .bytes(subject.byteCount),
        .severity(
          subject.verdict.severity, subject.verdict.severity == nil ? "none" : subject.verdict.text),
        .number(subject.norm),
        .number(subject.effectiveRank, decimals: 2),
        .sparkline(subject.profile, label: subject.profileLabel),
      ]
    case .failure(let error):
      let word = "unreadable"
      return [
        path, .text(word), .text(error.message.excerpt), .number(nil), .number(nil),
        .severity(.error, word), .number(nil), .number(nil), .text(""),
      ]
    }
  }
}

extension String {
  /// The end of a path that has at most some characters.
  fileprivate func shortenedPath(to limit: Int) -> String {
    let scalars = unicodeScalars
    guard scalars.count > limit else { return self }
    return "…" + String(String.UnicodeScalarView(scalars.suffix(limit - 1)))
  }
}
