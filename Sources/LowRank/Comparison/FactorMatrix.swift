// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import Tensors

/// A factor of an update in memory as its file has it, [rank, length]: A, or B transposed.
struct FactorMatrix: Sendable {
  /// The number of rows: the rank.
  let rank: Int
  /// The number of columns: the inputs of A, the outputs of B.
  let length: Int
  /// The dtype of the elements.
  let format: FloatFormat
  /// The elements in the order of rows, or in that of columns.
  let bytes: [UInt8]
  let isColumnMajor: Bool

  /// The elements that are widened at a time; they stay in the nearest cache.
  private static let blockCount = 2048

  /// An element; one that does not exist traps.
  subscript(row: Int, column: Int) -> Double {
    format.value(
      of: isColumnMajor ? column * rank + row : row * length + column, in: bytes.span.rawBytes)
  }

  /// The number of elements.
  var count: Int { rank * length }

  /// The exponent of the largest magnitude, 0 for zeros; nil unless all elements are numbers.
  ///
  /// - Complexity: O(elements).
  var exponent: Int? {
    var block = [Double](repeating: 0, count: Self.blockCount)
    var largest: UInt64 = 0
    for start in stride(from: 0, to: count, by: Self.blockCount) {
      let end = min(start + Self.blockCount, count)
      widen(start..<end, into: &block)
      for index in 0..<end - start { largest = max(largest, block[index].magnitude.bitPattern) }
    }
    let magnitude = Double(bitPattern: largest)
    guard magnitude.isFinite else { return nil }
    return magnitude > 0 ? Int(magnitude.exponent) : 0
  }

  /// Whether each row has an element other than zero.
  var hasContent: [Bool] {
    (0..<rank).map { row in
      (0..<length).contains { self[row, $0] != 0 }
    }
  }

  /// Whether another factor has the same bytes in the same order.
  func hasSameBytes(as other: FactorMatrix) -> Bool {
    format == other.format && rank == other.rank && length == other.length
      && isColumnMajor == other.isColumnMajor && bytes.count == other.bytes.count
      && equalPrefixByteCount(bytes.span.rawBytes, other.bytes.span.rawBytes) == bytes.count
  }

  /// Copies columns as rows of a block of numbers.
  ///
  /// - Parameters:
  ///   - range: the columns.
  ///   - block: where row i, from `start` on, takes column `range.lowerBound + i`; rows are `stride`
  ///     numbers apart.
  ///   - scratch: memory that is used again; it grows as needed.
  ///   - factors: what each element is multiplied by, one after the other.
  func copy(
    columns range: Range<Int>, to block: inout [Double], from start: Int, stride: Int,
    scratch: inout [Double], factors: (Double, Double) = (1, 1)
  ) {
    let needed = isColumnMajor ? range.count * rank : range.count
    if scratch.count < needed { scratch = [Double](repeating: 0, count: needed) }
    precondition(
      range.isEmpty || block.count >= (range.count - 1) * stride + start + rank, "a block of rows")
    let (rank, count) = (rank, range.count)
    if isColumnMajor {
      widen(range.lowerBound * rank..<range.upperBound * rank, into: &scratch)
      var output = block.mutableSpan
      for column in 0..<count {
        for row in 0..<rank {
          output[column * stride + start + row] =
            scratch[column * rank + row] * factors.0 * factors.1
        }
      }
      return
    }
    for row in 0..<rank {
      let first = row * length + range.lowerBound
      widen(first..<first + count, into: &scratch)
      var output = block.mutableSpan
      for column in 0..<count {
        output[column * stride + start + row] = scratch[column] * factors.0 * factors.1
      }
    }
  }

  private func widen(_ range: Range<Int>, into values: inout [Double]) {
    let size = format.byteCount
    widenElements(
      bytes.span.rawBytes.extracting(range.lowerBound * size..<range.upperBound * size),
      from: format, into: &values)
  }
}

extension FactorMatrix {
  /// A factor [rank, length] that was computed.
  init(rows values: [Double], rank: Int) {
    self.init(values, rank, isColumnMajor: false)
  }

  /// A factor [length, rank] that was computed.
  init(columns values: [Double], rank: Int) {
    self.init(values, rank, isColumnMajor: true)
  }

  private init(_ values: [Double], _ rank: Int, isColumnMajor: Bool) {
    self.rank = rank
    length = rank == 0 ? 0 : values.count / rank
    format = .float64
    var bytes: [UInt8] = []
    // SAFETY: numbers have no padding.
    unsafe bytes.append(copying: values.span.bytes)
    self.bytes = bytes
    self.isColumnMajor = isColumnMajor
  }

  /// Reads a view [rank, length].
  ///
  /// - Throws: `unsupported` for a dtype that is not computed in, and what reading throws.
  /// - Complexity: O(elements).
  init(_ view: FactorView) throws(CheckpointError) {
    precondition(view.sizes.count == 2, "a factor is a matrix")
    guard let format = FloatFormat(view.dtype) else {
      throw CheckpointError(
        .unsupported, "is \(view.dtype), not F64, F32, BF16 or F16", path: view.archive.path,
        tensor: view.name)
    }
    self.format = format
    rank = view.sizes[0]
    length = view.sizes[1]
    if let isColumnMajor = view.isColumnMajor {
      self.isColumnMajor = isColumnMajor
      bytes = try view.run(byteCount: view.elementCount * format.byteCount, of: format.byteCount)
    } else {
      isColumnMajor = false
      var bytes: [UInt8] = []
      bytes.reserveCapacity(view.elementCount * format.byteCount)
      try view.read(from: try view.source()) { piece throws(CheckpointError) in
        bytes.append(copying: piece)
      }
      self.bytes = bytes
    }
  }
}

extension FactorView {
  /// Whether the elements of a matrix are one run of its tensor in the order of columns, false if in that
  /// of rows; nil if they are no run.
  fileprivate var isColumnMajor: Bool? {
    guard elementCount > 0 else { return nil }
    if strides[1] == 1 || sizes[1] == 1, strides[0] == sizes[1] || sizes[0] == 1 { return false }
    if strides[0] == 1 || sizes[0] == 1, strides[1] == sizes[0] || sizes[1] == 1 { return true }
    return nil
  }

  /// The bytes from the first element on.
  fileprivate func run(
    byteCount: Int, of elementByteCount: Int
  ) throws(CheckpointError) -> [UInt8] {
    let first = start * elementByteCount
    switch try source() {
    case .file(let file, let position, _):
      return try file.read(at: position + first, count: byteCount)
    case .memory(let bytes):
      return byteCount == bytes.count ? bytes : Array(bytes[first..<first + byteCount])
    }
  }
}
