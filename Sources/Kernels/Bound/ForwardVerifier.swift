// SPDX-License-Identifier: Apache-2.0

/// The state of a verification: the report so far, and the operands of the current row.
struct ForwardVerifier {
  private(set) var report: NumericReport
  private let bound: ForwardBound
  private let rank: Int
  private var operands: RowOperands

  /// A pair of elements, and its position.
  private struct Pair {
    let row: Int
    let component: Int
    let theirs: UInt64
    let ours: UInt64
    let distance: UInt64
  }

  init(_ plan: ForwardPlan, instructionSet: InstructionSet?) {
    operands = RowOperands(instructionSet: instructionSet)
    rank = plan.factors.rank
    bound = ForwardBound(format: plan.format, rank: rank)
    report = NumericReport(
      format: plan.format, elementCount: plan.outputByteCount / plan.format.byteCount)
  }

  /// Adds some rows to the report.
  ///
  /// - Parameters:
  ///   - theirs: the rows of the reference.
  ///   - ours: the rows as the forward computes them.
  mutating func verify(_ plan: ForwardPlan, rows: Range<Int>, theirs: RawSpan, ours: RawSpan) {
    let comparison = ValueComparison(theirs, ours, format: plan.format)
    report.equalCount += comparison.equalCount
    if rank <= 1 && comparison.isEqual { return }
    let size = plan.rowByteCount
    for row in rows {
      let range = (row - rows.lowerBound) * size..<(row - rows.lowerBound + 1) * size
      verifyRow(plan, row, theirs: theirs.extracting(range), ours: ours.extracting(range))
    }
  }

  private mutating func verifyRow(
    _ plan: ForwardPlan, _ row: Int, theirs: RawSpan, ours: RawSpan
  ) {
    if rank <= 1 && ValueComparison(theirs, ours, format: plan.format).isEqual { return }
    operands.load(plan, row: row)
    if rank > 1 { operands.measure(theirs, ours, bound) }
    for component in 0..<plan.factors.width {
      let their = plan.format.bits(of: component, in: theirs)
      let our = plan.format.bits(of: component, in: ours)
      if their == our, rank <= 1 || isOrdinary(component) { continue }
      let pair = Pair(
        row: row, component: component, theirs: their, ours: our,
        distance: plan.format.ulpDistance(their, our))
      if rank > 1 {
        judge(pair, plan)
      } else if pair.distance > 0 {
        judgeUnequal(pair, plan)
      }
    }
  }

  /// Whether neither side's share of the bound is new.
  private func isOrdinary(_ component: Int) -> Bool {
    let theirs = min(report.largestShare ?? 0, RowOperands.certainShare)
    let ours = min(report.largestOwnShare ?? 0, RowOperands.certainShare)
    return operands.theirShares[component] <= theirs && operands.ourShares[component] <= ours
  }

  /// Rank 0 and 1: the values differ.
  private mutating func judgeUnequal(_ pair: Pair, _ plan: ForwardPlan) {
    let component = pair.component
    guard operands.areFinite(at: component) else {
      report.notComparableCount += 1
      return
    }
    report.addDistance(pair.distance, Self.element(pair, plan))
    if plan.format == .bfloat16, rank == 1, plan.format.value(ofBits: pair.theirs) == 0,
      bound.mayFlushToZero(
        column: operands.columns[0], row: operands.rows[component],
        embedding: operands.embedding[component])
    {
      report.flushedCount += 1
    } else {
      report.addOffender(Self.element(pair, plan))
    }
  }

  /// Rank above 1: both sides are held to the bound.
  private mutating func judge(_ pair: Pair, _ plan: ForwardPlan) {
    let component = pair.component
    let own = operands.verdict(of: pair.ours, operands.ourShares[component], component, bound)
    switch own {
    case .within(let share): report.addOwnShare(share)
    case .outside(let share):
      report.addOwnShare(share)
      report.ownOffenderCount += 1
    case .flushed, .overflowed, .notComparable: break
    }
    let verdict = operands.verdict(
      of: pair.theirs, operands.theirShares[component], component, bound)
    switch verdict {
    case .within(let share): report.addShare(share, Self.element(pair, plan))
    case .flushed: report.flushedCount += 1
    case .overflowed: report.overflowedCount += 1
    case .notComparable:
      if pair.distance > 0 { report.notComparableCount += 1 }
      return
    case .outside(let share):
      report.addShare(share, Self.element(pair, plan))
      report.addOffender(Self.element(pair, plan))
    }
    report.addDistance(pair.distance, Self.element(pair, plan))
  }

  private static func element(_ pair: Pair, _ plan: ForwardPlan) -> NumericReport.Element {
    NumericReport.Element(
      index: pair.row * plan.factors.width + pair.component,
      reference: plan.format.value(ofBits: pair.theirs),
      computed: plan.format.value(ofBits: pair.ours))
  }
}
