// SPDX-License-Identifier: Apache-2.0

/// A chart of a page. Each has a title and a summary in words, for readers who do not see it.
public enum ReportChart: Sendable {
  /// Colored cells.
  case heatMap(HeatMap)
  /// Upright bars.
  case bars(BarChart)
  /// The distribution of values.
  case histogram(HistogramChart)
}

/// Colored cells in rows and columns.
public struct HeatMap: Sendable {
  /// How values become colors.
  public enum Scale: Sendable, Hashable {
    /// From pale to strong.
    case sequential(ClosedRange<Double>)
    /// From a negative color over a neutral one to a positive one, equally far to both sides.
    case diverging(Double)
  }

  /// The title.
  public var title: String
  /// The summary in words.
  public var summary: String
  /// The labels of the rows, the first on top.
  public var rows: [String]
  /// The labels of the columns.
  public var columns: [String]
  /// What the columns are: "layer".
  public var columnTitle: String
  /// The values by row and column; nil where there is none.
  public var values: [[Double?]]
  /// The colors.
  public var scale: Scale
  /// The number of decimals; nil for three significant digits.
  public var decimals: Int?

  /// Creates a heat map; a sequential scale spans the values, from zero if they come near it.
  public init(
    _ title: String, summary: String, rows: [String], columns: [String], columnTitle: String,
    values: [[Double?]], scale: Scale? = nil, decimals: Int? = nil
  ) {
    self.title = title
    self.summary = summary
    self.rows = rows
    self.columns = columns
    self.columnTitle = columnTitle
    self.values = values
    self.scale = scale ?? .sequential(Self.span(of: values))
    self.decimals = decimals
  }

  /// The range of values: from zero where the least one is below a third of the largest.
  static func span(of values: [[Double?]]) -> ClosedRange<Double> {
    let finite = values.lazy.flatMap { $0 }.compactMap { $0 }.filter(\.isFinite)
    guard let least = finite.min(), let largest = finite.max() else { return 0...1 }
    let lower = least >= 0 && least * 3 < largest ? 0 : least
    return largest > lower ? lower...largest : min(0, lower)...max(lower, lower == 0 ? 1 : lower)
  }

  /// A value as text.
  func text(of value: Double?) -> String {
    ReportNumber.text(value, decimals)
  }

  /// A value as a short text for a cell, where the number before the point is left out if it is zero.
  func shortText(of value: Double?) -> String {
    let text = text(of: value)
    if text.hasPrefix("0.") { return String(text.dropFirst()) }
    return text.hasPrefix("\u{2212}0.") ? "\u{2212}" + text.dropFirst(2) : text
  }
}

/// Upright bars from zero.
public struct BarChart: Sendable {
  /// The title.
  public var title: String
  /// The summary in words.
  public var summary: String
  /// The labels below the bars.
  public var labels: [String]
  /// What the labels are: "virtual token".
  public var labelTitle: String
  /// The heights, none negative; nil where there is none.
  public var values: [Double?]

  /// Creates a chart.
  public init(
    _ title: String, summary: String, labels: [String], labelTitle: String, values: [Double?]
  ) {
    self.title = title
    self.summary = summary
    self.labels = labels
    self.labelTitle = labelTitle
    self.values = values
  }
}

/// The distribution of values: counts of intervals of the same width.
public struct HistogramChart: Sendable {
  /// The title.
  public var title: String
  /// The summary in words.
  public var summary: String
  /// The start of the first interval.
  public var lower: Double
  /// The width of an interval.
  public var width: Double
  /// The values in each interval.
  public var counts: [Int]
  /// Figures below the chart.
  public var facts: [ReportFact]

  /// Creates a chart.
  public init(
    _ title: String, summary: String, lower: Double, width: Double, counts: [Int],
    facts: [ReportFact] = []
  ) {
    self.title = title
    self.summary = summary
    self.lower = lower
    self.width = width
    self.counts = counts
    self.facts = facts
  }

  /// The end of the last interval.
  var upper: Double { lower + width * Double(counts.count) }
}
