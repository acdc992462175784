// SPDX-License-Identifier: Apache-2.0
public import PEFT

/// A page about checkpoints: what it says, without how it looks (spec/report.md).
///
/// Texts come from files as they are. ``html`` escapes them and limits their length.
public struct ReportPage: Sendable {
  /// The kind of the page's subject: "LORA adapter".
  public var kind: String
  /// The name of the subject.
  public var title: String
  /// The path of the subject, or of each.
  public var paths: [String]
  /// The subject in one line; nil for none.
  public var summary: String?
  /// The verdict at the top; nil for none.
  public var verdict: ReportVerdict?
  /// The facts at the top.
  public var facts: [ReportFact]
  /// The sections.
  public var sections: [ReportSection]

  /// Creates a page.
  public init(
    kind: String, title: String, paths: [String], summary: String? = nil,
    verdict: ReportVerdict? = nil,
    facts: [ReportFact] = [], sections: [ReportSection] = []
  ) {
    self.kind = kind
    self.title = title
    self.paths = paths
    self.summary = summary
    self.verdict = verdict
    self.facts = facts
    self.sections = sections
  }
}

/// A verdict: a severity with its text.
public struct ReportVerdict: Sendable, Hashable {
  /// The severity; nil if all is well.
  public var severity: Finding.Severity?
  /// The text.
  public var text: String

  /// Creates a verdict.
  public init(_ severity: Finding.Severity?, _ text: String) {
    (self.severity, self.text) = (severity, text)
  }
}

/// A short fact: a label and a value.
public struct ReportFact: Sendable, Hashable {
  /// The label.
  public var label: String
  /// The value.
  public var value: String
  /// A remark below the value.
  public var remark: String?

  /// Creates a fact.
  public init(_ label: String, _ value: String, remark: String? = nil) {
    (self.label, self.value, self.remark) = (label, value, remark)
  }
}

/// A section of a page.
public struct ReportSection: Sendable {
  /// The heading.
  public var title: String
  /// A few sentences on how to read the section.
  public var lead: String?
  /// The contents.
  public var blocks: [ReportBlock]

  /// Creates a section.
  public init(_ title: String, lead: String? = nil, _ blocks: [ReportBlock]) {
    (self.title, self.lead, self.blocks) = (title, lead, blocks)
  }
}

/// A part of a section.
public enum ReportBlock: Sendable {
  /// A paragraph.
  case paragraph(String)
  /// Key figures side by side.
  case figures([ReportFact])
  /// Findings with their remedies.
  case findings([ReportFinding])
  /// A table that is shown.
  case table(ReportTable)
  /// A table that the reader unfolds.
  case foldedTable(ReportTable)
  /// A chart.
  case chart(ReportChart)
  /// Small charts side by side.
  case gallery([ReportChart])

  /// A table that is shown while it has few rows, and else unfolded by the reader.
  static func table(_ table: ReportTable, shownTo limit: Int) -> Self {
    table.rows.count > limit ? .foldedTable(table) : .table(table)
  }
}

/// A finding with what resolves it.
public struct ReportFinding: Sendable, Hashable {
  /// How much it matters.
  public var severity: Finding.Severity
  /// The rule.
  public var code: String
  /// The message.
  public var message: String
  /// The changes that resolve it.
  public var remedies: [String]

  /// Creates a finding.
  public init(
    severity: Finding.Severity, code: String, message: String, remedies: [String] = []
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.remedies = remedies
  }
}
