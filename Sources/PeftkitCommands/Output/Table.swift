// SPDX-License-Identifier: Apache-2.0

/// Columns of text, each as wide as its widest cell. (docs/decisions.md gives the reasons for it.)
struct Table {
  enum Alignment {
    case left
    case right
    /// On the left; cut in the middle where the table is wider than the terminal.
    case name
  }

  private let alignments: [Alignment]
  private var rows: [[String]] = []
  let hasHeader: Bool

  /// The space between two columns.
  private static let gap = "  "
  /// The least number of characters that is left of a name.
  private static let shortestName = 12

  /// A table with a line of headings.
  init(_ columns: [(heading: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.heading)]
    hasHeader = true
  }

  /// A table without headings.
  init(alignments: [Alignment]) {
    self.alignments = alignments
    hasHeader = false
  }

  /// Adds a row of as many cells as there are columns.
  mutating func add(_ cells: [String]) {
    precondition(cells.count == alignments.count, "a row needs a cell for each column")
    rows.append(cells)
  }

  /// Calls a closure with the rows, padded; the last column is not padded on the right.
  ///
  /// - Parameter width: the characters that a line may have; nil for any number. Names are cut to
  ///   fit, but to no fewer than 12 characters.
  func forEachLine(width: Int? = nil, _ body: (String) -> Void) {
    let widths = columnWidths(in: width)
    for cells in rows {
      var line = ""
      for (column, cell) in cells.enumerated() {
        let cell = alignments[column] == .name ? Self.cut(cell, to: widths[column]) : cell
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        if column > 0 { line += Self.gap }
        switch alignments[column] {
        case .right: line += padding + cell
        case .left, .name: line += column == cells.count - 1 ? cell : cell + padding
        }
      }
      body(line)
    }
  }

  private func columnWidths(in width: Int?) -> [Int] {
    var widths = alignments.indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    guard let width else { return widths }
    let names = alignments.indices.filter { alignments[$0] == .name }
    var excess = widths.reduce(0, +) + Self.gap.count * max(0, widths.count - 1) - width
    // The longest gives way first, down to the next longest.
    while excess > 0, let longest = names.max(by: { widths[$0] < widths[$1] }),
      widths[longest] > Self.shortestName
    {
      let next = names.filter { widths[$0] < widths[longest] }.map { widths[$0] }.max() ?? 0
      let step = min(excess, max(1, widths[longest] - max(next, Self.shortestName)))
      widths[longest] -= step
      excess -= step
    }
    return widths
  }

  /// A text of at most `width` characters, its middle replaced by an ellipsis where it is longer.
  private static func cut(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    let tail = width / 2
    return text.prefix(width - tail - 1) + "…" + text.suffix(tail)
  }
}
