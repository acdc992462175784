// SPDX-License-Identifier: Apache-2.0

extension HTMLWriter {
  /// A chart with its title.
  mutating func figure(_ chart: ReportChart) {
    switch chart {
    case .heatMap(let map):
      figure(map.title) { $0.draw(map) }
    case .bars(let chart):
      figure(chart.title) { $0.draw(chart) }
    case .histogram(let chart):
      figure(chart.title) { html in
        html.draw(chart)
        html.facts(chart.facts, of: "small")
      }
    }
  }

  private mutating func figure(_ title: String, _ content: (inout HTMLWriter) -> Void) {
    markup("<figure>\n<figcaption>")
    text(title, limit: ReportLimits.nameLength)
    markup("</figcaption>\n")
    content(&self)
    markup("</figure>\n")
  }

  /// An image with a title and a summary for readers who do not see it.
  mutating func image(
    width: Double, height: Double, title: String, summary: String,
    _ content: (inout HTMLWriter) -> Void
  ) {
    let identifier = nextIdentifier()
    markup("<div class=\"plot\"><svg role=\"img\" aria-labelledby=\"t")
    number(identifier)
    markup(" d")
    number(identifier)
    markup("\" width=\"")
    number(width)
    markup("\" height=\"")
    number(height)
    markup("\" viewBox=\"0 0 ")
    number(width)
    markup(" ")
    number(height)
    markup("\">\n<title id=\"t")
    number(identifier)
    markup("\">")
    text(title, limit: ReportLimits.nameLength)
    markup("</title>\n<desc id=\"d")
    number(identifier)
    markup("\">")
    text(summary)
    markup("</desc>\n")
    content(&self)
    markup("</svg></div>\n")
  }

  /// An attribute with a number.
  mutating func attribute(_ start: StaticString, _ value: Double) {
    markup(start)
    number(value)
    markup("\"")
  }

  /// A label.
  mutating func label(
    _ text: String, x: Double, y: Double, _ kind: StaticString = "", limit: Int = 32
  ) {
    attribute("<text x=\"", x)
    attribute(" y=\"", y)
    markup(" class=\"")
    markup(kind)
    markup("\">")
    self.text(text, limit: limit)
    markup("</text>\n")
  }

  /// A straight line.
  mutating func line(_ kind: StaticString, from: (Double, Double), to: (Double, Double)) {
    markup("<path class=\"")
    markup(kind)
    markup("\" d=\"M")
    number(from.0)
    markup(" ")
    number(from.1)
    markup("L")
    number(to.0)
    markup(" ")
    number(to.1)
    markup("\"/>\n")
  }
}

/// The approximate widths of texts in a chart, in pixels.
enum TextWidth {
  /// The width of a label of 12 pixels.
  static func label(_ text: String) -> Double { 6.9 * Double(min(text.unicodeScalars.count, 32)) }
}
