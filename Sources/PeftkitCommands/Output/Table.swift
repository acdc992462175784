/// Columns of text, each as wide as its widest cell. (docs/decisions.md tells why not a library's.)
struct Table {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]] = []
  let hasHeader: Bool

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

  /// The rows, padded; the last column is not padded on the right.
  var lines: [String] {
    let widths = alignments.indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { cells in
      var line = ""
      for (column, cell) in cells.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        if column > 0 { line += "  " }
        switch alignments[column] {
        case .right: line += padding + cell
        case .left: line += column == cells.count - 1 ? cell : cell + padding
        }
      }
      return line
    }
  }
}
