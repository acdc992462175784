// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import Tensors

/// Rows to which a product of two factors is added, and that are normalized if there are magnitudes.
struct ProductChange: RowChange {
  private let update: RowUpdate
  private let rank: Int
  private let roundsChange: Bool
  /// The factors as accumulators, the left one multiplied by the scale.
  private let left: [UInt8]
  private let right: [UInt8]
  private let magnitudes: [Double]
  private let axis: LowRankProduct.Axis
  /// The sums of the squares of the columns, if they are normalized.
  private var columnSquares: [Double] = []
  private var columnFactors: [UInt8] = []
  private var totals: [UInt8] = []
  private var scratch = UpdateScratch()

  /// Reads the factors.
  ///
  /// - Throws: what reading them throws.
  init(
    _ product: LowRankProduct, _ update: RowUpdate, rowCount: Int, rounding: MergedChange.Rounding
  ) throws(CheckpointError) {
    self.update = update
    roundsChange = rounding == .deltaFirst
    let dtype = update.accumulator.dtype
    // The products of several terms are one of all their ranks.
    var leftPieces: [ComposedTensor.Piece] = []
    var rightPieces: [ComposedTensor.Piece] = []
    var rank = 0
    for term in product.terms {
      leftPieces.append(ComposedTensor.Piece(term.left, at: [0, rank], factor: term.scale))
      rightPieces.append(ComposedTensor.Piece(term.right, at: [rank, 0]))
      rank += term.right.sizes[0]
    }
    let source = product.terms[0].left.archive
    left = try ComposedTensor("left", dtype: dtype, shape: [rowCount, rank], pieces: leftPieces)
      .bytes(path: source.path, format: source.format)
    right = try ComposedTensor(
      "right", dtype: dtype, shape: [rank, update.width], pieces: rightPieces
    ).bytes(path: source.path, format: source.format)
    self.rank = rank
    magnitudes = try product.magnitudes?.values(in: update.accumulator) ?? []
    axis = product.axis
    if isMeasured { columnSquares = [Double](repeating: 0, count: update.width) }
  }

  var isMeasured: Bool { !magnitudes.isEmpty && axis == .columns }

  mutating func measure(_ rows: RawSpan, at first: Int) {
    let totals = makeTotals(of: rows, at: first)
    var squares = columnSquares
    columnSquares = []
    let byteCount = totalByteCount(rows.byteCount)
    update.addSquares(
      of: totals.span.rawBytes.extracting(0..<byteCount), to: &squares, isByColumn: true)
    columnSquares = squares
    self.totals = totals
  }

  mutating func apply(to rows: inout MutableRawSpan, at first: Int) -> UpdateSums? {
    let range = leftRange(rows.byteCount, at: first)
    guard !magnitudes.isEmpty else {
      var scratch = self.scratch
      self.scratch = UpdateScratch()
      let sums = update.add(
        to: &rows, left: left.span.rawBytes.extracting(range), right: right.span.rawBytes,
        rank: rank, roundsChange: roundsChange, scratch: &scratch)
      self.scratch = scratch
      return sums
    }
    let totals = makeTotals(of: rows.bytes, at: first)
    let values = totals.span.rawBytes.extracting(0..<totalByteCount(rows.byteCount))
    var scratch = self.scratch
    self.scratch = UpdateScratch()
    let sums: UpdateSums
    switch axis {
    case .columns:
      if columnFactors.isEmpty { columnFactors = factors(columnSquares, magnitudes[...]) }
      let factors = columnFactors
      sums = update.replace(
        &rows, by: values, columnFactors: factors.span.rawBytes, scratch: &scratch)
    case .rows:
      var squares = [Double](repeating: 0, count: rows.byteCount / update.rowByteCount)
      update.addSquares(of: values, to: &squares, isByColumn: false)
      let factors = factors(squares, magnitudes[first..<first + squares.count])
      sums = update.replace(&rows, by: values, rowFactors: factors.span.rawBytes, scratch: &scratch)
    }
    self.totals = totals
    self.scratch = scratch
    return sums
  }

  /// m / ‖W + Δ‖ as accumulators.
  private func factors(_ squares: [Double], _ magnitudes: ArraySlice<Double>) -> [UInt8] {
    update.accumulator.bytes(zip(squares, magnitudes).map { $1 / $0.squareRoot() })
  }

  /// The rows of W + Δ, in the memory that is kept for them.
  private mutating func makeTotals(of rows: RawSpan, at first: Int) -> [UInt8] {
    var totals = self.totals
    var scratch = self.scratch
    (self.totals, self.scratch) = ([], UpdateScratch())
    let byteCount = totalByteCount(rows.byteCount)
    if totals.count < byteCount { totals = [UInt8](repeating: 0, count: byteCount) }
    do {
      let range = leftRange(rows.byteCount, at: first)
      var bytes = totals.mutableRawBytes
      var part = bytes._mutatingExtracting(0..<byteCount)
      update.total(
        of: rows, left: left.span.rawBytes.extracting(range), right: right.span.rawBytes,
        rank: rank, into: &part, scratch: &scratch)
    }
    self.scratch = scratch
    return totals
  }

  /// The bytes of the left factor of some rows.
  private func leftRange(_ byteCount: Int, at first: Int) -> Range<Int> {
    let size = rank * update.accumulator.byteCount
    return first * size..<(first + byteCount / update.rowByteCount) * size
  }

  /// The bytes of the accumulators of some rows.
  private func totalByteCount(_ byteCount: Int) -> Int {
    byteCount / update.format.byteCount * update.accumulator.byteCount
  }
}
