// SPDX-License-Identifier: Apache-2.0
internal import MultitaskPromptTuning
internal import Tensors

extension ModuleFigures {
  /// The change of each norm from one adapter to another; nil where no module has both.
  func changes(to other: ModuleFigures?) -> ReportSection? {
    guard let other else { return nil }
    let norms = Dictionary(
      other.measured.map { (TensorName($0.name), $0.norm) }, uniquingKeysWith: { first, _ in first }
    )
    var table = ReportTable(
      "The norms of ΔW",
      [
        .init("Module"), .init("A", isNumeric: true), .init("B", isNumeric: true),
        .init("Change in %", isNumeric: true),
      ])
    var changes: [LayerGrid.Entry] = []
    for module in measured {
      guard let norm = norms[TensorName(module.name)] else { continue }
      let change = module.norm > 0 ? 100 * (norm / module.norm - 1) : nil
      if let change, change.isFinite {
        changes.append(LayerGrid.Entry(name: module.name, norm: nil, figure: change))
      }
      table.add([
        .code(module.name), .number(module.norm), .number(norm), .number(change, decimals: 1),
      ])
    }
    guard !table.rows.isEmpty else { return nil }
    let most = changes.compactMap { $0.figure?.magnitude }.max() ?? 0
    var blocks: [ReportBlock] = [
      .figures([
        ReportFact("‖ΔW‖ of all in A", ReportNumber.significant(norm)),
        ReportFact("‖ΔW‖ of all in B", ReportNumber.significant(other.norm)),
        ReportFact("Mean effective rank in A", ReportNumber.fixed(effectiveRank, 2)),
        ReportFact("Mean effective rank in B", ReportNumber.fixed(other.effectiveRank, 2)),
      ])
    ]
    for grid in LayerGrid.grids(of: changes).prefix(ReportLimits.stacks) where most > 0 {
      let columns = grid.columnLabels
      blocks.append(
        .chart(
          .heatMap(
            HeatMap(
              "Change of ‖ΔW‖ from A to B in \(grid.stack.excerpt), in %",
              summary: "\(ReportNumber.count(grid.kinds.count, "kind")) of modules by "
                + "\(ReportNumber.count(columns.count, "layer")). The table below has the numbers.",
              rows: grid.kinds.map { $0.shortened(to: 32) }, columns: columns,
              columnTitle: "layer", values: grid.means, scale: .diverging(most), decimals: 1))))
    }
    blocks.append(.foldedTable(table))
    return ReportSection(
      "Weight changes",
      lead:
        "How the Frobenius norm of what is added to each weight differs: blue is less in B, orange "
        + "is more.", blocks)
  }
}

extension MeasuredCheckpoint.Prompts {
  /// The norms of tasks or virtual tokens.
  private var norms: (what: String, values: [Double?])? {
    switch self {
    case .tasks(let insight): ("task", insight.tasks.map(\.norm))
    case .prompt(let figures): ("virtual token", figures.norms)
    case .failure: nil
    }
  }

  /// The norms of both prompts side by side; nil where they are of different kinds.
  func changes(to other: Self?) -> ReportSection? {
    guard let left = norms, let right = other?.norms, left.what == right.what else { return nil }
    var table = ReportTable(
      "The norms of the \(left.what)s",
      [
        .init(left.what.prefix(1).uppercased() + left.what.dropFirst()),
        .init("A", isNumeric: true),
        .init("B", isNumeric: true), .init("Change in %", isNumeric: true),
      ])
    for index in 0..<max(left.values.count, right.values.count) {
      let first = index < left.values.count ? left.values[index] : nil
      let second = index < right.values.count ? right.values[index] : nil
      let change = first.flatMap { first in
        second.flatMap { first > 0 ? 100 * ($0 / first - 1) : nil }
      }
      table.add([
        .text("\(left.what) \(index)"), .number(first), .number(second),
        .number(change, decimals: 1),
      ])
    }
    return ReportSection("Prompts", lead: "How the norms differ.", [.table(table)])
  }
}
