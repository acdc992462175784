// SPDX-License-Identifier: Apache-2.0
import Foundation
import PEFT
import TestSupport
import Testing

@testable import Reports

@Suite("Pages as HTML")
struct PageTests {
  /// A text that becomes markup wherever it is not escaped.
  static let hostile =
    "</title></style></script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u{202e}\u{0}"

  /// A page with a text in every place.
  static func page(_ text: String, isSortable: Bool = false) -> ReportPage {
    var table = ReportTable(text, [.init(text), .init(text, isNumeric: true)])
    table.add([.code(text), .number(1, text)])
    table.add([.text(text), .sparkline([1, nil, 2], label: text)])
    table.add([.severity(.error, text), .number(nil, text)])
    table.isSortable = isSortable
    let facts = [ReportFact(text, text, remark: text)]
    return ReportPage(
      kind: text, title: text, paths: [text], summary: text, verdict: ReportVerdict(.warning, text),
      facts: facts,
      sections: [
        ReportSection(
          text, lead: text,
          [
            .paragraph(text), .figures(facts), .table(table), .foldedTable(table),
            .findings([
              ReportFinding(severity: .note, code: text, message: text, remedies: [text])
            ]),
            .chart(
              .heatMap(
                HeatMap(
                  text, summary: text, rows: [text], columns: [text], columnTitle: text,
                  values: [[1]]))),
            .gallery([
              .bars(
                BarChart(text, summary: text, labels: [text], labelTitle: text, values: [1])),
              .histogram(
                HistogramChart(
                  text, summary: text, lower: -1, width: 1, counts: [1, 2], facts: facts)),
            ]),
          ]),
        ReportSection(text, []),
      ])
  }

  @Test("a text is never markup, wherever it is (J3)", arguments: [false, true])
  func escaping(isSortable: Bool) {
    let html = String(decoding: Self.page(Self.hostile, isSortable: isSortable).html, as: UTF8.self)
    #expect(html.components(separatedBy: "<script").count == (isSortable ? 2 : 1))
    #expect(html.components(separatedBy: "</style").count == 2)
    #expect(html.components(separatedBy: "</title>").count == 1 + 6)
    #expect(!html.contains("<img") && !html.contains("onerror=alert(2)>"))
    #expect(!html.unicodeScalars.contains("\u{202e}") && !html.unicodeScalars.contains("\u{0}"))
    #expect(html.contains("\\u{202e}\\u{0}"))
    // Each place has the text once or more.
    #expect(html.components(separatedBy: "&lt;img src=x onerror=alert(2)&gt;&amp;amp;").count > 20)
  }

  @Test("a page differs from one with other texts in the texts alone (J3)")
  func sameMarkup() {
    func tags(_ text: String) -> [String] {
      let html = String(decoding: Self.page(text).html, as: UTF8.self)
      return html.components(separatedBy: "<").dropFirst().map { part in
        String(part.prefix { $0 != " " && $0 != ">" && $0 != "\n" })
      }
    }
    #expect(tags("plain") == tags(Self.hostile))
  }

  @Test("a page refers to nothing outside itself (J1, J2)")
  func references() {
    let html = String(decoding: Self.page("plain", isSortable: true).html, as: UTF8.self)
    for word in ["http:", "https:", "src=", "url(", "@import", "style=", "onclick", "<link"] {
      #expect(!html.contains(word), "\(word)")
    }
    let policy = html.range(of: "Content-Security-Policy")
    let style = html.range(of: "<style>")
    #expect(policy != nil && style != nil)
    if let policy, let style { #expect(policy.lowerBound < style.lowerBound) }
  }

  @Test("texts of any length give a page of bounded size (J4)")
  func bounds() {
    let long = String(repeating: "<", count: 100_000)
    #expect(Self.page(long).html.count < 120_000)
    var table = ReportTable("t", [.init("a")])
    for index in 0..<5000 { table.add([.count(index)]) }
    #expect(table.rows.count == ReportLimits.tableRows)
    #expect(table.omittedCount == 5000 - ReportLimits.tableRows)
  }

  @Test(
    "numbers of charts have two decimals, and none is not finite",
    arguments: [
      (1.0, "1"), (-0.5, "-0.5"), (2.049, "2.05"), (0.051, "0.05"), (.nan, "0"),
      (1e300, "10000000"),
      (-0.001, "0"),
    ] as [(Double, String)])
  func numbers(value: Double, text: String) {
    var html = HTMLWriter()
    html.number(value)
    #expect(String(decoding: html.bytes, as: UTF8.self) == text)
  }
}

@Suite("Pages of checkpoints")
struct CheckpointPageTests {
  private func page(_ name: String) throws -> ReportPage {
    let path = Fixtures.adapter(name)
    return try ReportPage(try OpenedCheckpoint(path: path), path: path)
  }

  @Test(
    "each kind of adapter has its sections (J10 to J16)",
    arguments: [
      ("lora", ["Findings", "Config", "Weight changes", "Values", "Tensors"]),
      ("lokr", ["Findings", "Config", "Weight changes", "Values", "Tensors"]),
      ("mpt-causal-lm", ["Findings", "Config", "Tasks", "Values", "Tensors"]),
      ("prompt-tuning", ["Findings", "Config", "Prompt", "Values", "Tensors"]),
      ("prefix-tuning", ["Findings", "Config", "Prompt", "Values", "Tensors"]),
    ])
  func sections(name: String, titles: [String]) throws {
    let page = try page(name)
    #expect(page.sections.map(\.title) == titles)
    #expect(!page.html.isEmpty)
  }

  @Test("a value that is NaN is a finding, is counted, and leaves the rest (J11, J15)")
  func notANumber() throws {
    let copy = try AdapterCopy(of: "lora")
    try copy.changeWeights { weights in
      weights.tensors[0].bytes.replaceSubrange(0..<4, with: littleEndian(Float.nan.bitPattern))
    }
    let page = try ReportPage(try OpenedCheckpoint(path: copy.path), path: copy.path)
    #expect(page.verdict?.severity == .error)
    let html = String(decoding: page.html, as: UTF8.self)
    #expect(html.contains("non-finite-values") && html.contains("NaN or infinite"))
  }
}
