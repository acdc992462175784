// SPDX-License-Identifier: Apache-2.0

/// The place of everything in a heat map, in pixels.
private struct HeatMapLayout {
  let left: Double
  let top = 34.0
  let cellWidth: Double
  let cellHeight: Double
  let width: Double
  let height: Double
  /// Every how many columns and rows have a label.
  let columnStep: Int
  let rowStep: Int
  /// Whether cells have room for their numbers.
  let showsNumbers: Bool

  private static let pageWidth = 920.0

  init(_ map: HeatMap) {
    let rowCount = Double(max(1, map.rows.count))
    let columnCount = Double(max(1, map.columns.count))
    left = min(236, (map.rows.map(TextWidth.label).max() ?? 0) + 14)
    let room = (Self.pageWidth - left - 2) / columnCount
    if case .diverging = map.scale {
      cellWidth = min(34, room)
      cellHeight = min(34, max(cellWidth, 6))
    } else {
      cellWidth = min(54, room)
      cellHeight = rowCount <= 12 ? 26 : rowCount <= 24 ? 20 : 14
    }
    width = max(left + cellWidth * columnCount + 2, 360)
    height = top + cellHeight * rowCount + 40
    let widest = (map.columns.map(TextWidth.label).max() ?? 0) + 6
    columnStep = max(1, Int((widest / cellWidth).rounded(.up)))
    rowStep = max(1, Int((14 / cellHeight).rounded(.up)))
    showsNumbers = cellWidth >= 33 && cellHeight >= 18
  }
}

extension HTMLWriter {
  /// Draws colored cells with a legend above and labels to the left and below.
  mutating func draw(_ map: HeatMap) {
    let layout = HeatMapLayout(map)
    image(
      width: layout.width, height: layout.height, title: map.title, summary: map.summary
    ) { html in
      html.legend(of: map, layout)
      for (row, values) in map.values.enumerated() {
        html.row(row, values, of: map, layout)
      }
      html.axes(of: map, layout)
    }
  }

  private mutating func row(
    _ row: Int, _ values: [Double?], of map: HeatMap, _ layout: HeatMapLayout
  ) {
    let y = layout.top + Double(row) * layout.cellHeight
    let rowName = row < map.rows.count ? map.rows[row] : ""
    for (column, value) in values.enumerated() {
      let x = layout.left + Double(column) * layout.cellWidth
      let step = value.flatMap { map.scale.step(of: $0) }
      markup("<rect class=\"")
      markup(map.scale.prefix(isPresent: step != nil))
      if let step { number(step) }
      attribute("\" x=\"", x)
      attribute(" y=\"", y)
      attribute(" width=\"", max(1, layout.cellWidth - (layout.cellWidth > 6 ? 1 : 0)))
      attribute(" height=\"", max(1, layout.cellHeight - 1))
      markup("><title>")
      text(rowName, limit: 40)
      markup(", ")
      text(map.columnTitle, limit: 40)
      markup(" ")
      if column < map.columns.count { text(map.columns[column], limit: 40) }
      markup(": ")
      text(map.text(of: value))
      markup("</title></rect>\n")
      if layout.showsNumbers, let step {
        label(
          map.shortText(of: value), x: x + layout.cellWidth / 2 - 0.5,
          y: y + layout.cellHeight / 2 + 3.5,
          map.scale.ink(on: step))
      }
    }
  }

  private mutating func axes(of map: HeatMap, _ layout: HeatMapLayout) {
    for (row, name) in map.rows.enumerated() where row.isMultiple(of: layout.rowStep) {
      label(
        name, x: layout.left - 8, y: layout.top + (Double(row) + 0.5) * layout.cellHeight + 4, "e")
    }
    let bottom = layout.top + Double(map.rows.count) * layout.cellHeight
    for (column, name) in map.columns.enumerated() where column.isMultiple(of: layout.columnStep) {
      label(
        name, x: layout.left + (Double(column) + 0.5) * layout.cellWidth, y: bottom + 15, "m")
    }
    label(map.columnTitle, x: layout.left, y: bottom + 33, "u")
  }

  /// The colors with the values of both ends.
  private mutating func legend(of map: HeatMap, _ layout: HeatMapLayout) {
    let (lower, upper) = map.scale.ends
    let start = map.text(of: lower)
    let size = 10.0
    label(start, x: layout.left, y: 15, "u")
    let x = layout.left + TextWidth.label(start) + 6
    for step in 0..<map.scale.stepCount {
      markup("<rect class=\"")
      markup(map.scale.prefix(isPresent: true))
      number(step)
      attribute("\" x=\"", x + Double(step) * size)
      markup(" y=\"6\"")
      attribute(" width=\"", size)
      markup(" height=\"10\"/>")
    }
    label(map.text(of: upper), x: x + Double(map.scale.stepCount) * size + 6, y: 15, "u")
  }
}

extension HeatMap.Scale {
  /// The number of colors.
  var stepCount: Int {
    switch self {
    case .sequential: 16
    case .diverging: 17
    }
  }

  /// The values of the first and the last color.
  var ends: (Double, Double) {
    switch self {
    case .sequential(let range): (range.lowerBound, range.upperBound)
    case .diverging(let most): (-most, most)
    }
  }

  /// The color of a value; nil for NaN and infinities.
  func step(of value: Double) -> Int? {
    let (lower, upper) = ends
    guard value.isFinite, lower.isFinite, upper.isFinite else { return nil }
    let share = upper > lower ? (value / 2 - lower / 2) / (upper / 2 - lower / 2) : 0
    let place = (share * Double(stepCount - 1)).rounded()
    return min(max(Int(min(max(place, 0), 1000)), 0), stepCount - 1)
  }

  /// The classes of a number on a color, which give it enough contrast in the light and the dark: black
  /// and white (`far`), white and black (`near`), or black in both.
  func ink(on step: Int) -> StaticString {
    let (far, near, black): (StaticString, StaticString, StaticString) = (
      "m v far", "m v near", "m v black"
    )
    switch self {
    case .sequential: return step < 9 ? far : near
    case .diverging:
      switch (step - stepCount / 2).magnitude {
      case ...4: return far
      case ...6: return black
      default: return near
      }
    }
  }

  /// The class of the color, which its number follows.
  func prefix(isPresent: Bool) -> StaticString {
    guard isPresent else { return "no" }
    switch self {
    case .sequential: return "q"
    case .diverging: return "d"
    }
  }
}
