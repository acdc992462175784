// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank
internal import Tensors

/// Rows that change in any way that an evaluator computes.
struct EvaluatedChange: RowChange {
  private let update: RowUpdate
  private let roundsChange: Bool
  private var evaluator: WeightEvaluator

  /// Prepares the evaluation.
  ///
  /// - Throws: `mismatch` for a change of another shape.
  init(
    _ change: WeightChange, _ update: RowUpdate, rowCount: Int, rounding: MergedChange.Rounding
  ) throws(CheckpointError) {
    self.update = update
    roundsChange = rounding == .deltaFirst
    evaluator = WeightEvaluator(
      change, weight: [rowCount, update.width], arithmetic: update.accumulator)
    guard evaluator.rowCount == rowCount, evaluator.width == update.width else {
      throw CheckpointError(
        .mismatch,
        "a change of [\(evaluator.rowCount), \(evaluator.width)] does not fit "
          + "[\(rowCount), \(update.width)]")
    }
  }

  var isMeasured: Bool { evaluator.isMeasured }

  mutating func measure(_ rows: RawSpan, at first: Int) {
    evaluator.measure(range(of: rows, at: first), base: matrix(rows))
  }

  mutating func apply(to rows: inout MutableRawSpan, at first: Int) -> UpdateSums? {
    let range = range(of: rows.bytes, at: first)
    var scratch = UpdateScratch()
    guard evaluator.change.needsBase else {
      let change = update.accumulator.bytes(evaluator.compute(range, base: nil).values.values)
      let none: [UInt8] = []
      return update.add(
        to: &rows, left: none.span.rawBytes, right: none.span.rawBytes, rank: 0,
        addend: change.span.rawBytes, roundsChange: roundsChange, scratch: &scratch)
    }
    let values = evaluator.compute(range, base: matrix(rows.bytes)).values.values
    let totals = update.accumulator.bytes(values)
    return update.replace(&rows, by: totals.span.rawBytes, scratch: &scratch)
  }

  private func range(of rows: RawSpan, at first: Int) -> Range<Int> {
    first..<first + rows.byteCount / update.rowByteCount
  }

  private func matrix(_ rows: RawSpan) -> BoundedMatrix {
    BoundedMatrix(
      rowCount: rows.byteCount / update.rowByteCount, width: update.width,
      values: [Double](rows, from: update.format, rounding: update.accumulator))
  }
}
