// SPDX-License-Identifier: Apache-2.0

extension MeasuredCheckpoint {

  /// The distribution of the values of each kind of tensor.
  var valueSection: ReportSection? {
    guard let kinds else { return nil }
    var charts: [ReportChart] = []
    var table = ReportTable(
      "The numbers of \(ReportNumber.count(kinds.names.count, "kind")) of tensors",
      [
        .init("Kind"), .init("Tensors", isNumeric: true), .init("Values", isNumeric: true),
        .init("Mean", isNumeric: true), .init("Deviation", isNumeric: true),
        .init("Least", isNumeric: true), .init("Largest", isNumeric: true),
        .init("Zeros", isNumeric: true), .init("NaN or infinite", isNumeric: true),
      ])
    for (index, histogram) in histograms.enumerated()
    where histogram.count + histogram.nonFiniteCount > 0 {
      let name = kinds.names[index]
      table.add([
        .code(name), .count(kinds.tensorCounts[index]),
        .count(histogram.count + histogram.nonFiniteCount), .number(histogram.mean),
        .number(histogram.deviation), .number(histogram.range?.lowerBound),
        .number(histogram.range?.upperBound), .count(histogram.zeroCount),
        .count(histogram.nonFiniteCount),
      ])
      if histogram.count > 0 { charts.append(.histogram(histogram.chart(of: name))) }
    }
    guard !table.rows.isEmpty else { return nil }
    return ReportSection(
      "Values",
      lead:
        "How the values of each kind of tensor are distributed. A thousandth at each end may be "
        + "outside the chart, so that a few large values do not hide the rest.",
      [.gallery(charts), .foldedTable(table)])
  }
}

extension ValueHistogram {
  fileprivate func chart(of name: String) -> HistogramChart {
    let bars = bars(limit: 64)
    let (below, above) = bars.outside
    var facts = [
      ReportFact("mean", ReportNumber.significant(mean)),
      ReportFact("deviation", ReportNumber.significant(deviation)),
    ]
    if zeroCount > 0 { facts.append(ReportFact("zeros", ReportNumber.percent(zeroShare))) }
    if below + above > 0 {
      facts.append(ReportFact("outside", ReportNumber.count(below + above)))
    }
    if nonFiniteCount > 0 {
      facts.append(ReportFact("NaN or infinite", ReportNumber.count(nonFiniteCount)))
    }
    return HistogramChart(
      name,
      summary: "The distribution of \(ReportNumber.count(count, "value")) around "
        + "\(ReportNumber.significant(mean)) with a standard deviation of "
        + "\(ReportNumber.significant(deviation)), from "
        + "\(ReportNumber.significant(range?.lowerBound)) to "
        + "\(ReportNumber.significant(range?.upperBound)). The table has the numbers.",
      lower: bars.lower, width: bars.width, counts: bars.counts, facts: facts)
  }
}
