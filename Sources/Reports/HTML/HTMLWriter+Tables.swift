// SPDX-License-Identifier: Apache-2.0
internal import PEFT

extension HTMLWriter {
  /// A table, which scrolls sideways where it is too wide.
  mutating func table(_ table: ReportTable) {
    markup("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"")
    text(table.caption)
    markup(table.isSortable ? "\"><table class=\"sortable\">\n" : "\"><table>\n")
    markup("<caption>")
    text(table.caption)
    markup("</caption>\n<thead><tr>")
    for column in table.columns {
      markup(column.isNumeric ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">")
      text(column.title, limit: ReportLimits.nameLength)
      markup("</th>")
    }
    markup("</tr></thead>\n<tbody>\n")
    for row in table.rows {
      markup("<tr>")
      for (index, cell) in row.enumerated() {
        self.cell(cell, isHeading: index == 0)
      }
      markup("</tr>\n")
    }
    markup("</tbody>\n</table></div>\n")
    guard table.omittedCount > 0 else { return }
    markup("<p class=\"more\">")
    text("And \(ReportNumber.count(table.omittedCount, "row")) more that the page leaves out.")
    markup("</p>\n")
  }

  private mutating func cell(_ cell: ReportCell, isHeading: Bool) {
    if case .number = cell {
      markup("<td class=\"n\">")
    } else {
      markup(isHeading ? "<th scope=\"row\">" : "<td>")
    }
    switch cell {
    case .text(let text): self.text(text)
    case .code(let text):
      markup("<code>")
      self.text(text, limit: ReportLimits.nameLength * 2)
      markup("</code>")
    case .number(let value, let text):
      if let value, value.isFinite {
        markup("<data value=\"")
        exact(value)
        markup("\">")
        self.text(text)
        markup("</data>")
      } else {
        self.text(text)
      }
    case .sparkline(let values, let label): sparkline(values, label: label)
    case .severity(let severity, let text):
      markup("<data value=\"")
      number(severity.map { Self.order(of: $0) } ?? 0)
      markup("\">")
      if severity == nil {
        // Most rows: a badge on each would be loud.
        markup("<span class=\"quiet\">")
        self.text(text, limit: ReportLimits.nameLength)
        markup("</span>")
      } else {
        self.severity(severity, text)
      }
      markup("</data>")
    }
    if case .number = cell { markup("</td>") } else { markup(isHeading ? "</th>" : "</td>") }
  }

  private static func order(of severity: Finding.Severity) -> Int {
    switch severity {
    case .note: 1
    case .warning: 2
    case .error: 3
    }
  }
}
