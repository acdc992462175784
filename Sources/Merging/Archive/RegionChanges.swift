// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

/// The sums of a change of a region.
struct RegionSums {
  private var sums = UpdateSums()
  private var elementCount = 0
  private let isReplaced: Bool
  /// Whether all elements are numbers, as far as they were looked at.
  private(set) var isFinite = true

  init(isReplaced: Bool = false) {
    self.isReplaced = isReplaced
  }

  /// Adds the sums of a block.
  mutating func add(_ block: UpdateSums, _ rows: RawSpan, _ dtype: DType) {
    sums += block
    elementCount += rows.byteCount / (dtype.bitCount / 8)
    // Squares overflow where elements do not.
    if !block.areFinite {
      var survey = ValueSurvey(of: dtype)
      survey.add(rows)
      isFinite = isFinite && survey.nonFiniteCount == 0
    }
  }

  /// How much of the change is left; nil for replaced rows.
  var survival: Survival? {
    guard !isReplaced else { return nil }
    var survival = Survival()
    survival.deltaSquares = sums.changeSquares
    survival.addedSquares = sums.addedSquares
    survival.product = sums.product
    survival.changedCount = sums.changedCount
    survival.elementCount = elementCount
    return survival
  }
}

/// The changes of a region with their factors in memory, which are carried out one after the other.
struct RegionChanges {
  private var changes: [any RowChange] = []
  private let dtype: DType
  /// The sums of each change.
  private(set) var sums: [RegionSums] = []

  /// Reads the factors.
  ///
  /// - Throws: what reading them throws.
  init(_ region: MergedRegion, of tensor: MergedTensor) throws(CheckpointError) {
    dtype = tensor.dtype
    for change in region.changes {
      let prepared = try change.prepared(
        dtype: dtype, rowCount: region.rows.count, width: tensor.width)
      changes.append(prepared)
      sums.append(RegionSums(isReplaced: prepared is ReplacedRows))
    }
  }

  /// Whether a change must see all rows first.
  func isMeasured(_ number: Int) -> Bool { changes[number].isMeasured }

  /// Shows rows of the region to a change, as the changes before leave them.
  mutating func measure(_ number: Int, _ rows: inout MutableRawSpan, at first: Int) {
    for earlier in 0..<number { _ = changes[earlier].apply(to: &rows, at: first) }
    changes[number].measure(rows.bytes, at: first)
  }

  /// Changes rows of the region.
  mutating func apply(to rows: inout MutableRawSpan, at first: Int) {
    for number in changes.indices {
      guard let block = changes[number].apply(to: &rows, at: first) else { continue }
      sums[number].add(block, rows.bytes, dtype)
    }
  }
}
