// SPDX-License-Identifier: Apache-2.0
internal import PEFT

extension ReportPage {
  /// The page as one HTML document in UTF-8, which loads nothing (spec/report.md, J1 to J6).
  ///
  /// - Complexity: O(contents).
  public var html: [UInt8] {
    var html = HTMLWriter()
    html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
    html.policy(allowsScript: isSortable)
    html.markup(
      """
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="referrer" content="no-referrer">
      <title>
      """)
    html.text(title, limit: ReportLimits.nameLength)
    html.markup(" – ")
    html.text(kind, limit: ReportLimits.nameLength)
    html.markup("</title>\n<style>")
    html.markup(PageStyle.sheet)
    html.markup("</style>\n</head>\n<body>\n")
    html.header(of: self)
    html.markup("<main>\n")
    for (index, section) in sections.enumerated() { html.section(section, number: index + 1) }
    html.markup("</main>\n<footer><p>Made from the files alone; nothing in them ran.")
    html.markup(" The page loads nothing.</p></footer>\n")
    if isSortable {
      html.markup("<script>")
      html.markup(PageScript.source)
      html.markup("</script>\n")
    }
    html.markup("</body>\n</html>\n")
    return html.bytes
  }

  /// Whether a table can be sorted.
  private var isSortable: Bool {
    sections.contains { section in
      section.blocks.contains { block in
        if case .table(let table) = block { table.isSortable } else { false }
      }
    }
  }
}

extension HTMLWriter {
  /// The policy by which a browser loads nothing, and runs and applies only the page's own text.
  fileprivate mutating func policy(allowsScript: Bool) {
    markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ")
    markup("style-src 'sha256-")
    markup(PageStyle.digest)
    markup("'; ")
    if allowsScript {
      markup("script-src 'sha256-")
      markup(PageScript.digest)
      markup("'; ")
    }
    markup("base-uri 'none'; form-action 'none'\">\n")
  }

  fileprivate mutating func header(of page: ReportPage) {
    markup("<header>\n<div class=\"top\">\n<div>\n<p class=\"kind\">")
    text(page.kind, limit: ReportLimits.nameLength)
    markup("</p>\n<h1>")
    text(page.title, limit: ReportLimits.nameLength)
    markup("</h1>\n")
    for path in page.paths {
      markup("<p class=\"path\">")
      text(path)
      markup("</p>\n")
    }
    if let summary = page.summary {
      markup("<p class=\"summary\">")
      text(summary)
      markup("</p>\n")
    }
    markup("</div>\n")
    if let verdict = page.verdict {
      markup("<p class=\"verdict\">")
      severity(verdict.severity, verdict.text)
      markup("</p>\n")
    }
    markup("</div>\n")
    facts(page.facts, of: "facts")
    if page.sections.count > 1 {
      markup("<nav aria-label=\"Sections\"><ul>\n")
      for (index, section) in page.sections.enumerated() {
        markup("<li><a href=\"#s")
        number(index + 1)
        markup("\">")
        text(section.title, limit: ReportLimits.nameLength)
        markup("</a></li>\n")
      }
      markup("</ul></nav>\n")
    }
    markup("</header>\n")
  }

  fileprivate mutating func section(_ section: ReportSection, number place: Int) {
    markup("<section id=\"s")
    number(place)
    markup("\" aria-labelledby=\"h")
    number(place)
    markup("\">\n<h2 id=\"h")
    number(place)
    markup("\">")
    text(section.title, limit: ReportLimits.nameLength)
    markup("</h2>\n")
    if let lead = section.lead {
      markup("<p class=\"lead\">")
      text(lead)
      markup("</p>\n")
    }
    for block in section.blocks { self.block(block) }
    markup("</section>\n")
  }

  private mutating func block(_ block: ReportBlock) {
    switch block {
    case .paragraph(let text):
      markup("<p>")
      self.text(text)
      markup("</p>\n")
    case .figures(let facts): self.facts(facts, of: "figures")
    case .findings(let findings): self.findings(findings)
    case .table(let table): self.table(table)
    case .foldedTable(let table):
      markup("<details><summary>")
      text(table.caption)
      markup("</summary>\n")
      self.table(table)
      markup("</details>\n")
    case .chart(let chart): figure(chart)
    case .gallery(let charts):
      markup("<div class=\"gallery\">\n")
      for chart in charts { figure(chart) }
      markup("</div>\n")
    }
  }

  /// A list of facts.
  mutating func facts(_ facts: [ReportFact], of kind: StaticString) {
    guard !facts.isEmpty else { return }
    markup("<dl class=\"")
    markup(kind)
    markup("\">\n")
    for fact in facts {
      markup("<div><dt>")
      text(fact.label, limit: ReportLimits.nameLength)
      markup("</dt><dd>")
      text(fact.value)
      if let remark = fact.remark {
        markup(" <small>")
        text(remark)
        markup("</small>")
      }
      markup("</dd></div>\n")
    }
    markup("</dl>\n")
  }

  private mutating func findings(_ findings: [ReportFinding]) {
    markup("<ul class=\"findings\">\n")
    for finding in findings {
      markup("<li>")
      severity(finding.severity, finding.severity.rawValue)
      markup("<div><p>")
      text(finding.message)
      markup(" <code>")
      text(finding.code, limit: ReportLimits.nameLength)
      markup("</code></p>\n")
      if !finding.remedies.isEmpty {
        markup("<ul class=\"remedies\">\n")
        for remedy in finding.remedies {
          markup("<li>")
          text(remedy)
          markup("</li>\n")
        }
        markup("</ul>\n")
      }
      markup("</div></li>\n")
    }
    markup("</ul>\n")
  }

  /// A badge with a sign, a color and a word for a severity.
  mutating func severity(_ severity: Finding.Severity?, _ text: String) {
    switch severity {
    case .error?: markup("<span class=\"badge error\"><b aria-hidden=\"true\">✕</b> ")
    case .warning?: markup("<span class=\"badge warning\"><b aria-hidden=\"true\">!</b> ")
    case .note?: markup("<span class=\"badge note\"><b aria-hidden=\"true\">i</b> ")
    case nil: markup("<span class=\"badge fine\"><b aria-hidden=\"true\">✓</b> ")
    }
    self.text(text, limit: ReportLimits.nameLength)
    markup("</span>")
  }
}
