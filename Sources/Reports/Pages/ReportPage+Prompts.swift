// SPDX-License-Identifier: Apache-2.0
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

extension MeasuredCheckpoint.Prompts {
  /// The similarity of tasks or virtual tokens, and their norms.
  var section: ReportSection {
    switch self {
    case .tasks(let insight): insight.section
    case .prompt(let figures): figures.section
    case .failure(let error):
      ReportSection("Prompt", [.paragraph("The figures are not computed: \(error).")])
    }
  }
}

extension TaskInsight {
  fileprivate var section: ReportSection {
    var blocks: [ReportBlock] = []
    let drawn = min(tasks.count, ReportLimits.similarities)
    let names = (0..<drawn).map { "task \($0)" }
    if drawn > 1 {
      blocks.append(.chart(.heatMap(similarityMap(names))))
      blocks.append(.foldedTable(similarityTable(names)))
    }
    let tokens = min(tokenNorms.first?.count ?? 0, ReportLimits.tokens)
    blocks.append(
      .chart(
        .heatMap(
          HeatMap(
            "Norm of each virtual token",
            summary: "\(ReportNumber.count(drawn, "task")) by "
              + "\(ReportNumber.count(tokens, "virtual token")). The table has the numbers.",
            rows: names, columns: (0..<tokens).map(String.init), columnTitle: "virtual token",
            values: tokenNorms.prefix(drawn).map { $0.prefix(tokens).map { $0 } }))))
    blocks.append(.foldedTable(tokenTable(tokens)))
    if tasks.count > drawn {
      blocks.append(
        .paragraph(
          "The charts have the first \(drawn) of \(ReportNumber.count(tasks.count)) tasks."))
    }
    blocks.append(.table(taskTable))
    return ReportSection(
      "Tasks",
      lead:
        "The prompt of a task is the shared prompt, multiplied by the task's factors. A cosine of "
        + "1 means that two tasks have prompts of the same direction; 0, that they have nothing in "
        + "common.",
      blocks)
  }

  private func similarityMap(_ names: [String]) -> HeatMap {
    let values = similarities.prefix(names.count).map { $0.prefix(names.count).map { $0 } }
    let others = values.enumerated().flatMap { row, values in
      values.enumerated().compactMap { $0.offset == row ? nil : $0.element }
    }
    let span =
      others.min().flatMap { least in
        others.max().map { "from \(ReportNumber.fixed(least, 2)) to \(ReportNumber.fixed($0, 2))" }
      } ?? "of zero prompts"
    return HeatMap(
      "Similarity of the tasks",
      summary:
        "The cosines between the prompts of \(names.count) tasks, \(span). The table has the "
        + "numbers.",
      rows: names, columns: names.indices.map(String.init), columnTitle: "task", values: values,
      scale: .diverging(1), decimals: 2)
  }

  private func similarityTable(_ names: [String]) -> ReportTable {
    var table = ReportTable(
      "The cosines",
      [.init("Task")] + names.indices.map { .init(String($0), isNumeric: true) })
    for (row, name) in names.enumerated() {
      table.add(
        [.text(name)]
          + names.indices.map { .number(similarities[row][$0], decimals: 3) })
    }
    return table
  }

  private func tokenTable(_ count: Int) -> ReportTable {
    var table = ReportTable(
      "The norms of the virtual tokens",
      [.init("Task")] + (0..<count).map { .init(String($0), isNumeric: true) },
      limit: ReportLimits.similarities)
    for (task, norms) in tokenNorms.enumerated() {
      table.add([.text("task \(task)")] + norms.prefix(count).map { .number($0) })
    }
    return table
  }

  private var taskTable: ReportTable {
    var table = ReportTable(
      "Prompts of the tasks",
      [
        .init("Task"), .init("Norm", isNumeric: true), .init("Effective rank", isNumeric: true),
        .init("Nearest task"), .init("Cosine", isNumeric: true),
      ])
    for (index, task) in tasks.enumerated() {
      var nearest: (task: Int, cosine: Double)?
      for (other, cosine) in similarities[index].enumerated() {
        guard other != index, let cosine, cosine > nearest?.cosine ?? -2 else { continue }
        nearest = (other, cosine)
      }
      table.add([
        .text("task \(index)"), .number(task.norm), .number(task.effectiveRank, decimals: 2),
        .text(nearest.map { "task \($0.task)" } ?? ReportNumber.none),
        .number(nearest?.cosine, decimals: 3),
      ])
    }
    return table
  }
}

extension PromptFigures {
  fileprivate var section: ReportSection {
    let names = norms.indices.map(String.init)
    let present = norms.compactMap { $0 }
    let span =
      present.min().flatMap { least in
        present.max().map {
          "from \(ReportNumber.significant(least)) to \(ReportNumber.significant($0))"
        }
      } ?? "none of them a number"
    var blocks: [ReportBlock] = [
      .chart(
        .bars(
          BarChart(
            "Norm of each virtual token",
            summary:
              "The norms of \(ReportNumber.count(norms.count, "virtual token")), \(span). The "
              + "table has the numbers.",
            labels: names, labelTitle: "virtual token", values: norms)))
    ]
    if !similarities.isEmpty {
      let names = similarities.indices.map(String.init)
      blocks.append(
        .chart(
          .heatMap(
            HeatMap(
              "Similarity of the virtual tokens",
              summary: "The cosines between \(names.count) virtual tokens.", rows: names,
              columns: names, columnTitle: "virtual token", values: similarities,
              scale: .diverging(1), decimals: 2))))
    }
    var table = ReportTable(
      "The numbers of \(ReportNumber.count(norms.count, "virtual token"))",
      [.init("Virtual token"), .init("Norm", isNumeric: true)]
        + similarities.indices.map { .init("cos \($0)", isNumeric: true) })
    for (token, norm) in norms.enumerated() {
      let cosines = token < similarities.count ? similarities[token] : similarities.map { _ in nil }
      table.add([.text(String(token)), .number(norm)] + cosines.map { .number($0, decimals: 3) })
    }
    blocks.append(.foldedTable(table))
    if tokenCount > norms.count {
      blocks.append(
        .paragraph(
          "The charts have the first \(norms.count) of \(ReportNumber.count(tokenCount)) virtual "
            + "tokens."))
    }
    return ReportSection(
      "Prompt",
      lead: "The learned prompt has \(ReportNumber.count(tokenCount, "virtual token")) of "
        + "\(ReportNumber.count(width, "value")) each.",
      blocks)
  }
}
