// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import LowRank
internal import Tensors

/// Makes one merged tensor, block by block of whole rows.
///
/// The division into blocks depends on the shape only, and the sums are added in the order of the
/// blocks, so that the results are the same whatever reads and computes them.
struct TensorMerger {
  let tensor: MergedTensor
  /// The number of the tensor among those that are merged.
  let number: Int
  let base: any TensorArchive

  /// About how many bytes are changed at a time: what stays in the caches, and is worth a second thread.
  private static let blockByteCount = AtomicFile.largestPiece

  private var rowByteCount: Int { tensor.width * tensor.dtype.bitCount / 8 }
  private var blockRowCount: Int { max(1, Self.blockByteCount / max(1, rowByteCount)) }

  /// Appends the data of the tensor to a target.
  ///
  /// - Returns: what became of each change.
  /// - Throws: what reading the base, the factors and writing throws.
  func write(
    to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) -> [ChangeOutcome] {
    try RowCursor.over(base, tensor.source) { cursor throws(CheckpointError) in
      var outcomes: [ChangeOutcome] = []
      var row = 0
      let order = tensor.regions.indices.sorted {
        tensor.regions[$0].rows.lowerBound < tensor.regions[$1].rows.lowerBound
      }
      for region in order {
        let rows = tensor.regions[region].rows
        try copy(row..<rows.lowerBound, from: &cursor, to: &target)
        outcomes += try change(region, from: &cursor, to: &target)
        row = rows.upperBound
      }
      try copy(row..<tensor.rowCount, from: &cursor, to: &target)
      return outcomes
    }
  }

  /// Appends rows that do not change.
  private func copy(
    _ rows: Range<Int>, from cursor: inout RowCursor,
    to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    guard !rows.isEmpty else { return }
    let byteCount = rows.count * rowByteCount
    if let (file, range) = cursor.stored(byteCount: byteCount) {
      try target.copy(from: file, range: range)
      return try cursor.skip(byteCount: byteCount)
    }
    var left = byteCount
    while left > 0 {
      let count = min(left, AtomicFile.largestPiece)
      try target.append(byteCount: count) { bytes throws(CheckpointError) in
        try cursor.read(into: &bytes)
      }
      left -= count
    }
  }

  /// Appends the changed rows of a region.
  private func change(
    _ index: Int, from cursor: inout RowCursor, to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) -> [ChangeOutcome] {
    let region = tensor.regions[index]
    guard !region.rows.isEmpty else { return [] }
    let isAdded = region.rows.lowerBound >= sourceRowCount
    if region.changes.count == 1, case .replacement(let view) = region.changes[0].kind {
      try replace(region.rows.count, by: view, to: &target)
      if !isAdded { try cursor.skip(byteCount: region.rows.count * rowByteCount) }
      return [outcome(of: index, region.changes[0], RegionSums(isReplaced: true))]
    }
    var changes = try RegionChanges(region, of: tensor)
    try measure(&changes, region)
    var row = 0
    while row < region.rows.count {
      let count = min(blockRowCount, region.rows.count - row)
      try append(byteCount: count * rowByteCount, to: &target) { bytes throws(CheckpointError) in
        // The first change of added rows writes all of them.
        if !isAdded { try cursor.read(into: &bytes) }
        changes.apply(to: &bytes, at: row)
      }
      row += count
    }
    return zip(region.changes, changes.sums).map { outcome(of: index, $0, $1) }
  }

  /// Shows the rows of a region to the changes that must see them all first, as the changes before leave
  /// them.
  private func measure(
    _ changes: inout RegionChanges, _ region: MergedRegion
  ) throws(CheckpointError) {
    for number in region.changes.indices where changes.isMeasured(number) {
      try RowCursor.over(base, tensor.source) { cursor throws(CheckpointError) in
        try cursor.skip(byteCount: region.rows.lowerBound * rowByteCount)
        var block: [UInt8] = []
        var row = 0
        while row < region.rows.count {
          let count = min(blockRowCount, region.rows.count - row)
          try block.fill(byteCount: count * rowByteCount) { bytes throws(CheckpointError) in
            try cursor.read(into: &bytes)
            changes.measure(number, &bytes, at: row)
          }
          row += count
        }
      }
    }
  }

  /// Appends the elements of a view as rows.
  private func replace(
    _ rowCount: Int, by view: FactorView, to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    let composed = try ComposedArchive(
      path: view.archive.path, format: view.archive.format,
      tensors: [
        ComposedTensor(
          view.name.string, view, dtype: tensor.dtype, shape: [rowCount, tensor.width])
      ])
    try RowCursor.over(composed, 0) { cursor throws(CheckpointError) in
      try copy(0..<rowCount, from: &cursor, to: &target)
    }
  }

  /// Appends bytes that `fill` writes, more than a target takes at once by way of memory.
  private func append(
    byteCount: Int, to target: inout some BlockTarget & ~Copyable,
    _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard byteCount > AtomicFile.largestPiece else {
      return try target.append(byteCount: byteCount, fill)
    }
    var block: [UInt8] = []
    try block.fill(byteCount: byteCount, fill)
    try target.append(copying: block.span.rawBytes)
  }

  /// The number of rows of the source.
  private var sourceRowCount: Int {
    guard let source = tensor.source, rowByteCount > 0 else { return 0 }
    return base.tensor(at: source).byteCount / rowByteCount
  }

  private func outcome(
    of region: Int, _ change: MergedChange, _ sums: RegionSums
  ) -> ChangeOutcome {
    ChangeOutcome(
      tensor: number, region: region, adapter: change.adapter,
      module: tensor.regions[region].module, survival: sums.survival, isFinite: sums.isFinite)
  }
}
