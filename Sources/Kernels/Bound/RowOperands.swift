// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// The factors of one output row, converted to the output's format and then widened to F64, and the
/// share of the bound that each element of the row uses.
struct RowOperands {
  private(set) var columns: [Double] = []
  /// [rank, width]; kept for all rows of the same task.
  private(set) var rows: [Double] = []
  private(set) var embedding: [Double] = []
  /// Shares by F64 arithmetic; NaN if that is not exact enough.
  private(set) var theirShares: [Double] = []
  private(set) var ourShares: [Double] = []
  private var task: Int?
  /// The implementation for the shares; nil to use exact arithmetic for all.
  private let instructionSet: InstructionSet?

  init(instructionSet: InstructionSet?) {
    self.instructionSet = instructionSet
  }

  /// A share by F64 arithmetic up to this is certain to be within the bound: its error is below
  /// 2^-20. Others are computed exactly.
  static let certainShare = 0.999999

  mutating func load(_ plan: ForwardPlan, row: Int) {
    let factors = plan.factors
    let place = plan.place(ofRow: row)
    columns = [Double](
      factors.columns.element(
        place.columns, count: factors.rank, size: factors.columnsFormat.byteCount),
      from: factors.columnsFormat, rounding: plan.format)
    embedding = [Double](
      factors.embeddings.element(
        place.embedding, count: factors.width, size: factors.embeddingsFormat.byteCount),
      from: factors.embeddingsFormat, rounding: plan.format)
    guard task != place.task else { return }
    task = place.task
    rows = [Double](
      factors.rows.element(
        place.rows, count: factors.rank &* factors.width, size: factors.rowsFormat.byteCount),
      from: factors.rowsFormat, rounding: plan.format)
  }

  /// Fills in the shares of one row of the reference and of the forward.
  mutating func measure(_ theirs: RawSpan, _ ours: RawSpan, _ bound: ForwardBound) {
    theirShares = shares(of: theirs, bound)
    ourShares = shares(of: ours, bound)
  }

  private func shares(of output: RawSpan, _ bound: ForwardBound) -> [Double] {
    var shares = [Double](repeating: .nan, count: embedding.count)
    guard let instructionSet else { return shares }
    let values = [Double](output, from: bound.format, rounding: bound.format)
    let half = bound.format.isHalf
    let (unit, floor) = (bound.unit.double, bound.floor.double)
    // SAFETY: the counts are those of the arrays: `load` made them from `rank` columns, `rank` rows
    // of `width` and one embedding of `width`, and the output's row has that width.
    unsafe shares.withUnsafeMutableBufferPointer { shares in
      unsafe columns.withUnsafeBufferPointer { columns in
        unsafe rows.withUnsafeBufferPointer { rows in
          unsafe embedding.withUnsafeBufferPointer { embedding in
            unsafe values.withUnsafeBufferPointer { values in
              guard let c = columns.baseAddress, let r = rows.baseAddress,
                let e = embedding.baseAddress, let v = values.baseAddress,
                let s = shares.baseAddress
              else { return }
              var job = unsafe ck_bound_row(
                columns: c, rows: r, embedding: e, output: v, shares: s, rank: columns.count,
                width: embedding.count, gamma: bound.gamma.double,
                accumulator_floor: bound.accumulatorFloor.double, product_unit: half ? unit : 0,
                product_floor: half ? floor : 0, unit: unit, floor: floor,
                is_f64: bound.format == .float64 ? 1 : 0)
              unsafe ck_bound(&job, instructionSet.rawValue)
            }
          }
        }
      }
    }
    return shares
  }

  /// Whether all factors of an element are numbers.
  func areFinite(at component: Int) -> Bool {
    let width = embedding.count
    return embedding[component].isFinite
      && columns.indices.allSatisfy {
        columns[$0].isFinite && rows[$0 * width + component].isFinite
      }
  }

  /// Judges one output of the row.
  ///
  /// - Parameter share: the result of `measure`.
  func verdict(
    of bits: UInt64, _ share: Double, _ component: Int, _ bound: ForwardBound
  ) -> ForwardBound.Verdict {
    if share <= Self.certainShare { return .within(share: share) }
    guard areFinite(at: component) else { return .notComparable }
    var sums = ForwardBound.Sums()
    for r in columns.indices {
      bound.add(columns[r], rows[r * embedding.count + component], to: &sums)
    }
    let output = bound.format.value(ofBits: bits)
    return bound.verdict(of: output, embedding: embedding[component], sums: sums)
  }
}
