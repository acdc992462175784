// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import Tensors

/// A factor of an update in memory, [rank, length]: A, or B transposed.
struct FactorMatrix {
  /// The number of rows: the rank.
  let rank: Int
  /// The number of columns: the inputs of A, the outputs of B.
  let length: Int
  /// The elements, of which neighbours in a column are `rankStep` and those in a row `step` apart.
  let values: [Double]
  let rankStep: Int
  let step: Int
  /// The exponent of the largest magnitude, 0 for zeros; nil unless all elements are numbers.
  let exponent: Int?

  /// An element; one that does not exist traps.
  subscript(row: Int, column: Int) -> Double { values[row * rankStep + column * step] }

  /// An element whose row and column exist, which is not checked.
  @unsafe subscript(unchecked row: Int, column: Int) -> Double {
    unsafe values.span[unchecked: row * rankStep + column * step]
  }

  /// Whether each row has an element other than zero.
  var hasContent: [Bool] {
    (0..<rank).map { row in
      (0..<length).contains { self[row, $0] != 0 }
    }
  }
}

extension FactorMatrix {
  /// A factor [rank, length] in memory.
  init(rows values: [Double], rank: Int) {
    self.init(values, rank, steps: (rank == 0 ? 0 : values.count / rank, 1))
  }

  /// A factor [length, rank] in memory.
  init(columns values: [Double], rank: Int) {
    self.init(values, rank, steps: (1, rank))
  }

  private init(_ values: [Double], _ rank: Int, steps: (rankStep: Int, step: Int)) {
    self.values = values
    self.rank = rank
    length = rank == 0 ? 0 : values.count / rank
    (rankStep, step) = steps
    exponent = Self.exponent(of: values)
  }
}

extension FactorMatrix {
  /// Reads a view [rank, length].
  ///
  /// - Throws: `unsupported` for a dtype that is not computed in, and what reading throws.
  /// - Complexity: O(elements).
  init(_ view: FactorView) throws(CheckpointError) {
    precondition(view.sizes.count == 2, "a factor is a matrix")
    rank = view.sizes[0]
    length = view.sizes[1]
    if let format = FloatFormat(view.dtype), let steps = view.contiguousSteps {
      values = try view.withElements { bytes throws(CheckpointError) in
        [Double](bytes, from: format, rounding: .float64)
      }
      (rankStep, step) = steps
    } else {
      values = try view.values(in: .float64)
      (rankStep, step) = (length, 1)
    }
    exponent = Self.exponent(of: values)
  }

  private static func exponent(of values: [Double]) -> Int? {
    var largest: UInt64 = 0
    for value in values { largest = max(largest, value.magnitude.bitPattern) }
    let magnitude = Double(bitPattern: largest)
    guard magnitude.isFinite else { return nil }
    return magnitude > 0 ? Int(magnitude.exponent) : 0
  }
}

extension FactorView {
  /// The steps of a matrix whose elements are one run of its tensor, row-major or column-major, and those
  /// of one row for other views that are row-major; nil for others.
  var contiguousSteps: (rankStep: Int, step: Int)? {
    guard elementCount > 0 else { return nil }
    guard sizes.count == 2 else { return isRowMajor ? (elementCount, 1) : nil }
    if strides[1] == 1 || sizes[1] == 1, strides[0] == sizes[1] || sizes[0] == 1 {
      return (sizes[1], 1)
    }
    if strides[0] == 1 || sizes[0] == 1, strides[1] == sizes[0] || sizes[1] == 1 {
      return (1, sizes[0])
    }
    return nil
  }

  /// Lends the bytes of a view whose elements are one run of its tensor.
  ///
  /// - Throws: what reading and `body` throw.
  func withElements<R>(
    _ body: (RawSpan) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let size = dtype.byteCount ?? 0
    let range = start * size..<(start + elementCount) * size
    return try archive.withTensor(at: index) { tensor throws(CheckpointError) in
      try body(tensor.bytes.extracting(range))
    }
  }

  /// Whether two views have the same layout and the same bytes. False where telling it would mean to
  /// gather elements.
  ///
  /// - Throws: what reading throws.
  func hasSameBytes(as other: FactorView) throws(CheckpointError) -> Bool {
    guard dtype == other.dtype, sizes == other.sizes, let steps = contiguousSteps,
      let otherSteps = other.contiguousSteps, steps == otherSteps
    else { return false }
    return try withElements { left throws(CheckpointError) in
      try other.withElements { right throws(CheckpointError) in
        equalPrefixByteCount(left, right) == left.byteCount
      }
    }
  }
}
