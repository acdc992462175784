// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The difference of a parameter of two models, [rows, width], read block by block each time that it is
/// used.
struct Difference: Sendable {
  let base: StoredParameter
  let tuned: StoredParameter

  var rowCount: Int { base.rowCount }
  var width: Int { base.width }

  /// The elements of a block, at most, unless one row has more.
  private static let blockElementCount = 1 << 17

  /// Calls a closure with the blocks, from the first row to the last.
  ///
  /// - Parameter body: takes the rows, and their elements, row-major, in the beginning of an array.
  /// - Throws: what reading throws.
  func forEachBlock(
    _ body: (_ rows: Range<Int>, _ values: [Double]) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var (minuend, subtrahend) = (try RowReader(tuned), try RowReader(base))
    let step = max(1, Self.blockElementCount / width)
    let capacity = min(step, rowCount) * width
    var values = [Double](repeating: 0, count: capacity)
    var others = [Double](repeating: 0, count: capacity)
    for start in stride(from: 0, to: rowCount, by: step) {
      let rows = start..<min(start + step, rowCount)
      try minuend.read(rows, into: &values)
      try subtrahend.read(rows, into: &others)
      let count = rows.count * width
      var span = values.mutableSpan
      for index in 0..<count { span[index] -= others[index] }
      try body(rows, values)
    }
  }

  /// Whether any element differs; NaN is equal to NaN.
  ///
  /// - Throws: what reading throws.
  /// - Complexity: O(elements) until one differs.
  func isZero() throws(CheckpointError) -> Bool {
    var (left, right) = (try RowReader(tuned), try RowReader(base))
    let step = max(1, Self.blockElementCount / width)
    let capacity = min(step, rowCount) * width
    var values = [Double](repeating: 0, count: capacity)
    var others = [Double](repeating: 0, count: capacity)
    for start in stride(from: 0, to: rowCount, by: step) {
      let rows = start..<min(start + step, rowCount)
      try left.read(rows, into: &values)
      try right.read(rows, into: &others)
      for index in 0..<rows.count * width
      where values[index] != others[index] && !(values[index].isNaN && others[index].isNaN) {
        return false
      }
    }
    return true
  }
}
