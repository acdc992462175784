// SPDX-License-Identifier: Apache-2.0
public import PEFT

/// A table of a page.
public struct ReportTable: Sendable {
  /// A column.
  public struct Column: Sendable, Hashable {
    /// The heading.
    public var title: String
    /// Whether the cells are numbers, which are aligned to the right.
    public var isNumeric: Bool

    /// Creates a column.
    public init(_ title: String, isNumeric: Bool = false) {
      (self.title, self.isNumeric) = (title, isNumeric)
    }
  }

  /// The caption.
  public var caption: String
  /// The columns.
  public var columns: [Column]
  /// The rows, each with a cell for each column; the first cell is the row's heading.
  public private(set) var rows: [[ReportCell]] = []
  /// The number of rows that were left out.
  public private(set) var omittedCount = 0
  /// Whether the reader can sort the rows.
  public var isSortable = false

  private let limit: Int

  /// Creates a table without rows.
  ///
  /// - Parameters:
  ///   - caption: the text above the table.
  ///   - columns: the columns.
  ///   - limit: the most rows to keep; others are only counted.
  public init(_ caption: String, _ columns: [Column], limit: Int = ReportLimits.tableRows) {
    (self.caption, self.columns, self.limit) = (caption, columns, limit)
  }

  /// Adds a row, or counts it if there are too many.
  public mutating func add(_ row: @autoclosure () -> [ReportCell]) {
    if rows.count < limit { rows.append(row()) } else { omittedCount += 1 }
  }
}

/// A cell of a table.
public enum ReportCell: Sendable, Hashable {
  /// A text.
  case text(String)
  /// A name or a value from a file, in a font of fixed width.
  case code(String)
  /// A number with its text; nil if there is none.
  case number(Double?, String)
  /// A line of small size, read from left to right.
  case sparkline([Double?], label: String)
  /// A severity with a text; nil if all is well.
  case severity(Finding.Severity?, String)

  /// A count with its thousands apart.
  static func count(_ count: Int) -> Self { .number(Double(count), ReportNumber.count(count)) }
  /// A size in bytes.
  static func bytes(_ count: Int) -> Self { .number(Double(count), ReportNumber.bytes(count)) }
  /// A number in three significant digits.
  static func number(_ value: Double?) -> Self { .number(value, ReportNumber.significant(value)) }
  /// A number with some decimals.
  static func number(_ value: Double?, decimals: Int) -> Self {
    .number(value, ReportNumber.fixed(value, decimals))
  }
}

/// The limits that keep a page small, whatever the files contain.
public enum ReportLimits {
  /// The most rows of a table.
  public static let tableRows = 1000
  /// The most adapters of an overview.
  public static let overviewRows = 20_000
  /// The most characters of a text.
  public static let textLength = 600
  /// The most characters of a name.
  public static let nameLength = 120
  /// The most columns of a heat map; more layers are put together.
  public static let mapColumns = 96
  /// The most rows of a heat map.
  public static let mapRows = 32
  /// The most stacks of layers.
  public static let stacks = 4
  /// The most findings of one code.
  public static let findingsOfOneCode = 12
  /// The most findings.
  public static let findings = 200
  /// The most remedies of a finding.
  public static let remedies = 5
  /// The most kinds of tensors with a histogram.
  public static let tensorKinds = 12
  /// The most tasks and virtual tokens whose similarities are drawn.
  public static let similarities = 64
  /// The most virtual tokens whose norms are drawn.
  public static let tokens = 256
  /// The most multiplications that figures of tasks and prompts may take.
  public static let multiplications = 1 << 34
}
