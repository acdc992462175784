// SPDX-License-Identifier: Apache-2.0

extension HTMLWriter {
  /// Draws upright bars above a base line, with a scale to the left.
  mutating func draw(_ chart: BarChart) {
    let (left, top, height) = (56.0, 10.0, 150.0)
    let count = Double(max(1, chart.values.count))
    let step = min(44, (920 - left - 2) / count)
    let width = max(left + step * count + 2, 360)
    let largest = chart.values.compactMap { $0 }.filter(\.isFinite).max() ?? 0
    image(width: width, height: top + height + 40, title: chart.title, summary: chart.summary) {
      html in
      for tick in AxisTicks(upTo: largest).values {
        let y = top + height * (1 - tick / max(largest, .leastNormalMagnitude))
        html.line("grid", from: (left, y), to: (width, y))
        html.label(ReportNumber.significant(tick), x: left - 8, y: y + 4, "e")
      }
      for (index, value) in chart.values.enumerated() {
        guard let value, value.isFinite, largest > 0 else { continue }
        let bar = height * max(0, value / largest)
        html.attribute("<rect class=\"bar\" x=\"", left + Double(index) * step)
        html.attribute(" y=\"", top + height - bar)
        html.attribute(" width=\"", max(1, step - (step > 4 ? 2 : 0.5)))
        html.attribute(" height=\"", bar)
        html.markup("><title>")
        html.text(chart.labelTitle, limit: 40)
        html.markup(" ")
        html.text(index < chart.labels.count ? chart.labels[index] : "", limit: 40)
        html.markup(": ")
        html.text(ReportNumber.significant(value))
        html.markup("</title></rect>\n")
      }
      html.line("base", from: (left, top + height), to: (width, top + height))
      let widest = (chart.labels.map(TextWidth.label).max() ?? 0) + 8
      let every = max(1, Int((widest / step).rounded(.up)))
      for (index, label) in chart.labels.enumerated() where index.isMultiple(of: every) {
        html.label(
          label, x: left + (Double(index) + 0.5) * step - 1, y: top + height + 15, "m")
      }
      html.label(chart.labelTitle, x: left, y: top + height + 33, "u")
    }
  }

  /// Draws a distribution above a base line, with its ends and zero below.
  mutating func draw(_ chart: HistogramChart) {
    let (width, height, top) = (288.0, 96.0, 6.0)
    let largest = Double(max(1, chart.counts.max() ?? 1))
    let step = width / Double(max(1, chart.counts.count))
    image(width: width, height: top + height + 24, title: chart.title, summary: chart.summary) {
      html in
      html.markup("<path class=\"bar\" d=\"")
      for (index, count) in chart.counts.enumerated() where count > 0 {
        // A value is visible, however rare it is.
        let bar = max(0.8, height * Double(count) / largest)
        html.markup("M")
        html.number(Double(index) * step)
        html.markup(" ")
        html.number(top + height)
        html.markup("v")
        html.number(-bar)
        html.markup("h")
        html.number(max(0.6, step - (step > 3 ? 0.8 : 0)))
        html.markup("v")
        html.number(bar)
        html.markup("z")
      }
      html.markup("\"/>\n")
      html.line("base", from: (0, top + height), to: (width, top + height))
      html.label(ReportNumber.significant(chart.lower), x: 0, y: top + height + 16, "u")
      html.label(ReportNumber.significant(chart.upper), x: width, y: top + height + 16, "e u")
      let zero = chart.upper > chart.lower ? -chart.lower / (chart.upper - chart.lower) : 0
      if zero > 0.2, zero < 0.8 {
        html.line(
          "base", from: (zero * width, top + height), to: (zero * width, top + height + 4))
        html.label("0", x: zero * width, y: top + height + 16, "m u")
      }
    }
  }

  /// Draws a small line with a dot at its end.
  mutating func sparkline(_ values: [Double?], label: String) {
    let points = values.map { $0.flatMap { $0.isFinite ? $0 : nil } }
    let largest = points.compactMap { $0 }.max() ?? 0
    markup("<svg role=\"img\" class=\"spark\" viewBox=\"0 0 100 20\" aria-label=\"")
    text(label, limit: ReportLimits.nameLength)
    markup("\">")
    if points.contains(where: { $0 != nil }) {
      let step = points.count > 1 ? 96 / Double(points.count - 1) : 0
      markup("<path d=\"")
      var isOpen = false
      var end = (2.0, 18.0)
      for (index, point) in points.enumerated() {
        guard let point else {
          isOpen = false
          continue
        }
        end = (2 + Double(index) * step, 18 - (largest > 0 ? 16 * max(0, point / largest) : 0))
        markup(isOpen ? "L" : "M")
        number(tenth(end.0))
        markup(" ")
        number(tenth(end.1))
        isOpen = true
      }
      markup("\"/><circle r=\"2\" cx=\"")
      number(tenth(end.0))
      markup("\" cy=\"")
      number(tenth(end.1))
      markup("\"/>")
    }
    markup("</svg>")
  }

  private func tenth(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}

/// Round values for a scale from zero.
struct AxisTicks {
  /// Two to five values, zero not among them.
  let values: [Double]

  init(upTo largest: Double) {
    guard largest > 0, largest.isFinite, largest.isNormal else {
      values = []
      return
    }
    var step = 1.0
    while step * 10 <= largest { step *= 10 }
    while step > largest { step /= 10 }
    let count = largest / step
    let size = count >= 5 ? step * 2 : count >= 2 ? step : step / 2
    values = (1...5).map { Double($0) * size }.filter { $0 <= largest * 1.0001 }
  }
}
