// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

extension ModuleFigures {
  /// What the adapter adds to the weights, by layer and module.
  var section: ReportSection {
    var blocks: [ReportBlock] = []
    if !keyFigures.isEmpty { blocks.append(.figures(keyFigures)) }
    if let failure {
      let count = modules.isEmpty ? "" : " of \(ReportNumber.count(failureCount, "module"))"
      blocks.append(.paragraph("The figures\(count) are not computed: \(failure)."))
    }
    let grids = grids
    for grid in grids.prefix(ReportLimits.stacks) {
      blocks += grid.charts(
        norm: "‖ΔW‖", figure: "Effective rank of ΔW", table: "The table below has the numbers.")
    }
    if grids.count > ReportLimits.stacks {
      let rest = grids.count - ReportLimits.stacks
      blocks.append(
        .paragraph("\(ReportNumber.count(rest, "more stack")) of layers is in the table only."))
    }
    if !modules.isEmpty { blocks.append(.foldedTable(table)) }
    if moduleCount == 0, failure == nil {
      blocks.append(.paragraph("The file has no tensors of adapted modules."))
    }
    let isNormalized = modules.contains { $0.statistics?.isNormalized == true }
    return ReportSection(
      "Weight changes",
      lead:
        "ΔW is what the adapter adds to the weight of a module. Its Frobenius norm says how much "
        + "it changes the module; its effective rank, how many directions carry the change."
        + (isNormalized ? " Here ΔW is before DoRA normalizes the weight." : ""),
      blocks)
  }

  private var keyFigures: [ReportFact] {
    let measured = measured
    guard let norm, let largest = measured.max(by: { $0.norm < $1.norm }),
      let least = measured.min(by: { $0.norm < $1.norm })
    else { return [] }
    var facts = [
      ReportFact("Modules", ReportNumber.count(moduleCount)),
      ReportFact("‖ΔW‖ of all", ReportNumber.significant(norm)),
    ]
    if let rank = effectiveRank {
      let ranks = Set(modules.compactMap { $0.scale?.rank }).sorted()
      let remark = ranks.first.map { first in
        ranks.count == 1 ? "of rank \(first)" : "of ranks \(first) to \(ranks.last ?? first)"
      }
      facts.append(
        ReportFact("Mean effective rank", ReportNumber.fixed(rank, 2), remark: remark))
    }
    facts.append(
      ReportFact(
        "Largest ‖ΔW‖", ReportNumber.significant(largest.norm), remark: largest.name.excerpt))
    facts.append(
      ReportFact("Smallest ‖ΔW‖", ReportNumber.significant(least.norm), remark: least.name.excerpt))
    return facts
  }

  /// The numbers behind the charts.
  private var table: ReportTable {
    var table = ReportTable(
      "The numbers of \(ReportNumber.count(modules.count, "module"))",
      [
        .init("Module"), .init("Rank", isNumeric: true), .init("α", isNumeric: true),
        .init("Scale", isNumeric: true), .init("‖ΔW‖", isNumeric: true),
        .init("Effective rank", isNumeric: true),
      ])
    for module in modules {
      table.add([
        .code(module.name),
        module.scale.map { .count($0.rank) } ?? .number(nil),
        .number(module.scale?.alpha), .number(module.scale?.scale),
        .number(module.statistics?.norm), .number(module.statistics?.effectiveRank, decimals: 2),
      ])
    }
    return table
  }
}

extension MeasuredCheckpoint {
  private static let modelPrefix = "base_model.model."

  /// The norms of the tensors by layer, for checkpoints without figures of weight changes or prompts.
  var normSection: ReportSection? {
    guard modules?.norm == nil, prompts == nil else { return nil }
    let grids = LayerGrid.grids(
      of: norms.indices.map { index in
        let name = archive.tensor(at: index).name.string
        let path =
          name.hasPrefix(Self.modelPrefix) ? name.dropFirst(Self.modelPrefix.count) : name[...]
        return LayerGrid.Entry(name: String(path), norm: norms[index], figure: nil)
      })
    guard !grids.isEmpty else { return nil }
    let isAdapter = adapter != nil
    return ReportSection(
      "Norms of the tensors",
      lead: (isAdapter
        ? "What the method adds to weights is not computed from its tensors alone. " : "")
        + "The Frobenius norm of each tensor, by layer.",
      grids.prefix(ReportLimits.stacks).flatMap {
        $0.charts(norm: "Norm", figure: "", table: "The table of the tensors has the numbers.")
      })
  }
}

extension LayerGrid {
  /// The heat maps of a stack.
  ///
  /// - Parameters:
  ///   - norm: the title of the norms.
  ///   - figure: the title of the other figures.
  ///   - table: where the numbers are.
  fileprivate func charts(norm: String, figure: String, table: String) -> [ReportBlock] {
    var charts: [ReportBlock] = []
    let columns = columnLabels
    let labels = kinds.map { $0.shortened(to: 32) }
    func add(_ title: String, _ values: [[Double?]], decimals: Int?) {
      let present = values.lazy.flatMap { $0 }.compactMap { $0 }
      guard let least = present.min(), let largest = present.max() else { return }
      let summary =
        "\(ReportNumber.count(kinds.count, "kind")) by \(ReportNumber.count(columns.count, "layer")), "
        + "from \(ReportNumber.text(least, decimals)) to \(ReportNumber.text(largest, decimals)). "
        + table
      charts.append(
        .chart(
          .heatMap(
            HeatMap(
              "\(title) in \(stack.excerpt)", summary: summary, rows: labels, columns: columns,
              columnTitle: "layer", values: values, decimals: decimals))))
    }
    add(norm, norms, decimals: nil)
    add(figure, means, decimals: 1)
    if omittedKinds > 0 {
      charts.append(
        .paragraph(
          "\(ReportNumber.count(omittedKinds, "more kind")) has no row here. \(table)"))
    }
    return charts
  }
}

extension String {
  /// The end of a dotted name that has at most some characters: its last components.
  func shortened(to limit: Int) -> String {
    guard unicodeScalars.count > limit else { return self }
    var text = ""
    for component in components.reversed() {
      let longer = text.isEmpty ? String(component) : component + "." + text
      guard longer.unicodeScalars.count < limit else { break }
      text = longer
    }
    return "…" + (text.isEmpty ? String(suffix(limit - 1)) : text)
  }
}
