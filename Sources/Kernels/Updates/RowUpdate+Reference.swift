// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Updates in plain Swift, one element at a time: the definition of the results.
struct ReferenceUpdate {
  /// The most rows and columns of a share: its sums over the rows of a column are taken in the
  /// accumulators, those over columns in F64.
  private static let shareRowCount = 480
  private static let shareWidth = 512

  private let format: FloatFormat
  private let accumulator: FloatFormat
  private let width: Int
  private let rowCount: Int

  init(_ update: RowUpdate, rowCount: Int) {
    format = update.format
    accumulator = update.accumulator
    width = update.width
    self.rowCount = rowCount
  }

  /// A result, rounded to the accumulators.
  private func round(_ value: Double) -> Double {
    accumulator == .float64 ? value : Double(Float(value))
  }

  private func change(
    row: Int, column: Int, left: RawSpan, right: RawSpan, rank: Int, addend: RawSpan
  ) -> Double {
    var sum = addend.isEmpty ? 0 : accumulator.value(of: row * width + column, in: addend)
    for r in 0..<rank {
      // A product of two F32 numbers is exact in F64.
      let term = round(
        accumulator.value(of: row * rank + r, in: left)
          * accumulator.value(of: r * width + column, in: right))
      sum = round(sum + term)
    }
    return sum
  }

  func add(
    to rows: inout MutableRawSpan, left: RawSpan, right: RawSpan, rank: Int, addend: RawSpan,
    roundsChange: Bool
  ) -> UpdateSums {
    update(&rows) { row, column, weight in
      let change = change(
        row: row, column: column, left: left, right: right, rank: rank, addend: addend)
      let rounded = roundsChange ? format.value(ofBits: format.bits(rounding: change)) : change
      return (round(weight + rounded), change)
    }
  }

  func total(
    of rows: RawSpan, left: RawSpan, right: RawSpan, rank: Int, addend: RawSpan,
    into totals: inout MutableRawSpan
  ) {
    for index in 0..<rowCount * width {
      let change = change(
        row: index / width, column: index % width, left: left, right: right, rank: rank,
        addend: addend)
      store(round(format.value(of: index, in: rows) + change), accumulator, at: index, in: &totals)
    }
  }

  func replace(
    _ rows: inout MutableRawSpan, by totals: RawSpan, rowFactors: RawSpan, columnFactors: RawSpan
  ) -> UpdateSums {
    update(&rows) { row, column, weight in
      let factor =
        if !columnFactors.isEmpty {
          accumulator.value(of: column, in: columnFactors)
        } else {
          rowFactors.isEmpty ? 1 : accumulator.value(of: row, in: rowFactors)
        }
      let total = round(factor * accumulator.value(of: row * width + column, in: totals))
      return (total, round(total - weight))
    }
  }

  /// Updates each element, and takes the sums, share by share.
  private func update(
    _ rows: inout MutableRawSpan,
    _ body: (_ row: Int, _ column: Int, _ weight: Double) -> (result: Double, change: Double)
  ) -> UpdateSums {
    var sums = UpdateSums()
    for start in stride(from: 0, to: rowCount, by: Self.shareRowCount) {
      for column in stride(from: 0, to: width, by: Self.shareWidth) {
        sums += update(
          &rows, start..<min(start + Self.shareRowCount, rowCount),
          column..<min(column + Self.shareWidth, width), body)
      }
    }
    return sums
  }

  private func update(
    _ rows: inout MutableRawSpan, _ rowRange: Range<Int>, _ columns: Range<Int>,
    _ body: (_ row: Int, _ column: Int, _ weight: Double) -> (result: Double, change: Double)
  ) -> UpdateSums {
    var sums = UpdateSums()
    for column in columns {
      var (changes, added, products) = (0.0, 0.0, 0.0)
      for row in rowRange {
        let index = row * width + column
        let weight = format.value(of: index, in: rows.bytes)
        let (result, change) = body(row, column, weight)
        store(result, format, at: index, in: &rows)
        let difference = round(format.value(of: index, in: rows.bytes) - weight)
        changes = round(changes + round(change * change))
        added = round(added + round(difference * difference))
        products = round(products + round(change * difference))
        if difference != 0 { sums.changedCount += 1 }
      }
      let lane = column % UpdateSums.laneCount
      sums.changes[lane] += changes
      sums.added[lane] += added
      sums.products[lane] += products
    }
    return sums
  }

  /// Stores a number; any NaN becomes the positive quiet one without payload.
  private func store(
    _ value: Double, _ format: FloatFormat, at index: Int, in bytes: inout MutableRawSpan
  ) {
    let bits = format.bits(rounding: value.isNaN ? .nan : value)
    for byte in 0..<format.byteCount {
      bytes.storeBytes(
        of: UInt8(truncatingIfNeeded: bits >> (8 * byte)),
        toByteOffset: index * format.byteCount + byte, as: UInt8.self)
    }
  }
}
