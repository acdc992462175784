// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

/// The mean of a tensor over its first dimension, with the bits of torch's `mean(0)` on a CPU with
/// AVX2.
///
/// torch sums in a cascade: 16 or more terms at a time into one accumulator, which is then added to
/// the next. Columns that fill blocks of four vectors are summed from the first to the last task;
/// the others in four interleaved parts (spec/mpt-operations.md, O10). Half types are summed and
/// divided in F32, and rounded at the end.
enum TaskMean {
  /// The mean over tasks.
  ///
  /// - Parameters:
  ///   - bytes: [tasks, width] in `format`; at least one task.
  /// - Returns: [width], in `format`'s values.
  static func values(of bytes: RawSpan, format: FloatFormat, taskCount: Int) -> [Double] {
    let values = format.values(of: bytes)
    if format == .float64 {
      return mean(values, taskCount: taskCount)
    }
    let mean = mean(values.map { Float($0) }, taskCount: taskCount)
    guard format.isHalf else { return mean.map { Double($0) } }
    return mean.map { format.value(ofBits: format.bits(rounding: Double($0))) }
  }

  private static func mean<Element: BinaryFloatingPoint>(
    _ elements: [Element], taskCount: Int
  ) -> [Element] {
    let sums = CascadeSum(elements, rowCount: taskCount).sums()
    // torch adds the sum to zero, which makes a zero positive.
    return sums.map { (0 + $0) / Element(taskCount) }
  }
}

/// torch's summation over the rows of a matrix.
private struct CascadeSum<Element: BinaryFloatingPoint> {
  let elements: [Element]
  let rowCount: Int
  let width: Int
  /// The elements of a 256-bit vector.
  let lanes = 32 / MemoryLayout<Element>.size

  init(_ elements: [Element], rowCount: Int) {
    self.elements = elements
    self.rowCount = rowCount
    width = elements.count / rowCount
  }

  func sums() -> [Element] {
    guard width > 1 else { return [rowCount >= lanes ? contiguousSum() : interleaved(0..<1)[0]] }
    let block = width >= lanes ? 4 * lanes : 4
    let whole = width / block * block
    let sums = cascade(columns: 0..<whole, first: 0, step: 1, count: rowCount)
    return sums + interleaved(whole..<width)
  }

  /// The sum of a single column, whose rows are contiguous and fill vectors.
  private func contiguousSum() -> Element {
    let count = rowCount / lanes
    let vectors = CascadeSum(Array(elements.prefix(count * lanes)), rowCount: count)
    let partial = vectors.interleaved(0..<lanes)
    let rest = elements[(count * lanes)...].reduce(0, +)
    return partial.reduce(rest, +)
  }

  /// The sum in four interleaved parts: every fourth row, then the remaining rows, then the parts.
  private func interleaved(_ columns: Range<Int>) -> [Element] {
    let count = rowCount / 4
    var parts = (0..<4).map { cascade(columns: columns, first: $0, step: 4, count: count) }
    for row in 4 * count..<rowCount { add(row, columns, to: &parts[0]) }
    for part in 1..<4 {
      for index in parts[0].indices { parts[0][index] += parts[part][index] }
    }
    return parts[0]
  }

  private func cascade(
    columns: Range<Int>, first: Int, step: Int, count: Int
  ) -> [Element] {
    let bits = max(4, Self.ceilingOfLogarithm(count) / 4)
    let run = 1 << bits
    let zeros = [Element](repeating: 0, count: columns.count)
    var levels = [[Element]](repeating: zeros, count: 4)
    var row = 0
    while row + run <= count {
      for _ in 0..<run {
        add(first + row * step, columns, to: &levels[0])
        row += 1
      }
      for level in 1..<4 {
        for index in zeros.indices { levels[level][index] += levels[level - 1][index] }
        levels[level - 1] = zeros
        if row & (run - 1) << (level * bits) != 0 { break }
      }
    }
    while row < count {
      add(first + row * step, columns, to: &levels[0])
      row += 1
    }
    for level in 1..<4 {
      for index in zeros.indices { levels[0][index] += levels[level][index] }
    }
    return levels[0]
  }

  private func add(_ row: Int, _ columns: Range<Int>, to sums: inout [Element]) {
    let start = row * width + columns.lowerBound
    for index in sums.indices { sums[index] += elements[start + index] }
  }

  private static func ceilingOfLogarithm(_ count: Int) -> Int {
    count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount
  }
}
