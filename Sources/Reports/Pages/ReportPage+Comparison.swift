// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Concurrency
internal import Conversion
internal import JSONDocument
internal import Kernels
public import PEFT
public import Tensors

extension ReportPage {
  /// Makes the page of two checkpoints: what differs, and what each change of a weight became
  /// (spec/report.md, J20 to J22).
  ///
  /// - Parameters:
  ///   - left: the first checkpoint, with its path.
  ///   - right: the second checkpoint, with its path.
  ///   - options: what both are checked against.
  ///   - counter: counts the bytes that are read for figures and findings.
  /// - Throws: what opening a base model and reading the data throws.
  /// - Complexity: O(bytes), in memory for the largest module, and the cost of the figures.
  public init(
    comparing left: (checkpoint: OpenedCheckpoint, path: String),
    with right: (checkpoint: OpenedCheckpoint, path: String),
    options: FindingOptions = FindingOptions(), counter: ByteCounter? = nil
  ) throws(CheckpointError) {
    let sides = try [left, right].map { side throws(CheckpointError) in
      try MeasuredCheckpoint(
        side.checkpoint, path: side.path, options: options, countsValues: false, counter: counter)
    }
    let comparison = try OpenedComparison(left.checkpoint, right.checkpoint)
    self.init(comparison, sides[0], sides[1])
  }

  private init(
    _ comparison: OpenedComparison, _ left: MeasuredCheckpoint, _ right: MeasuredCheckpoint
  ) {
    let tensors = comparison.tensors
    self.init(
      kind: "Comparison",
      title: "\(PathName.last(of: left.path)) and \(PathName.last(of: right.path))",
      paths: ["A  \(left.path)", "B  \(right.path)"],
      verdict: comparison.isSame
        ? ReportVerdict(nil, "The same") : ReportVerdict(.note, "Different"))
    facts = [
      ReportFact("Tensors the same", ReportNumber.count(tensors.sameCount)),
      ReportFact("Changed", ReportNumber.count(tensors.changed.count)),
      ReportFact("In A only", ReportNumber.count(tensors.removed.count)),
      ReportFact("In B only", ReportNumber.count(tensors.added.count)),
    ]
    if let config = comparison.config {
      facts.append(
        ReportFact("Keys of the config", ReportNumber.count(config.count, "difference")))
    }
    for (name, side) in [("A", left), ("B", right)] {
      facts.append(ReportFact("Findings about \(name)", side.findings.verdict.text))
    }
    sections = [
      comparison.configSection, left.modules.flatMap { $0.changes(to: right.modules) },
      left.prompts.flatMap { $0.changes(to: right.prompts) },
      comparison.tensorSection,
    ].compactMap { $0 }
    for (name, side) in [("A", left), ("B", right)] where !side.findings.isEmpty {
      var section = side.findingSection
      section.title = "Findings about \(name)"
      sections.append(section)
    }
    if sections.isEmpty {
      sections.append(
        ReportSection("Differences", [.paragraph("None: config and tensors are the same.")]))
    }
  }
}

extension OpenedComparison {
  /// The keys with other values.
  fileprivate var configSection: ReportSection? {
    guard let config, !(config.isEmpty && reordered.isEmpty) else { return nil }
    var table = ReportTable(
      "Keys with another value", [.init("Key"), .init("A"), .init("B")], limit: 300)
    for change in config {
      table.add([.code(change.key.string), Self.cell(change.left), Self.cell(change.right)])
    }
    var blocks: [ReportBlock] = config.isEmpty ? [] : [.table(table)]
    for change in reordered {
      blocks.append(
        .paragraph(
          "The keys of \(change.key.excerpt) have another order, by which "
            + (change.modules.isEmpty
              ? "modules may get other values."
              : "\(ReportNumber.count(change.modules.count, "module")) get other values.")))
    }
    return ReportSection("Config", lead: "The keys whose values differ.", blocks)
  }

  private static func cell(_ value: JSONValue?) -> ReportCell {
    value.map { .code($0.description) } ?? .text("absent")
  }

  /// The tensors that differ.
  fileprivate var tensorSection: ReportSection? {
    guard !tensors.isSame else { return nil }
    let count = tensors.changed.count + tensors.removed.count + tensors.added.count
    var table = ReportTable(
      "\(ReportNumber.count(count, "tensor")) that differ",
      [
        .init("Name"), .init("Change"), .init("Dtype"), .init("Shape"),
        .init("Different values", isNumeric: true), .init("Largest |A − B|", isNumeric: true),
        .init("Largest ULP", isNumeric: true),
      ])
    for change in tensors.changed { table.add(Self.row(of: change)) }
    for (word, list) in [("in A only", tensors.removed), ("in B only", tensors.added)] {
      for tensor in list {
        table.add(
          [
            .code(tensor.name.string), .text(word), .text(tensor.dtype.name),
            .code(tensor.shape.description),
          ] + [ReportCell](repeating: .number(nil), count: 3))
      }
    }
    return ReportSection("Tensors", [.table(table, shownTo: 24)])
  }

  private static func row(of change: TensorChange) -> [ReportCell] {
    let (left, right) = (change.left, change.right)
    let dtype =
      left.dtype == right.dtype ? left.dtype.name : "\(left.dtype.name) → \(right.dtype.name)"
    let shape =
      left.shape == right.shape
      ? left.shape.description : "\(left.shape.description) → \(right.shape.description)"
    let elements = change.elements
    let count = elements?.unequalCount ?? elements?.differentCount
    let distance = elements?.largestULPDistance?.value
    return [
      .code(change.name.string), .text("changed"), .text(dtype), .code(shape),
      count.map { .count($0) } ?? .number(nil),
      .number(
        elements?.largestInteger.map { Double($0.value) } ?? elements?.largestAbsolute?.value),
      distance.map { .number(Double($0), String($0)) } ?? .number(nil),
    ]
  }
}
