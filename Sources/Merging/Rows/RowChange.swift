// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import Tensors

/// A change of the rows of a region whose factors are in memory, carried out block by block.
protocol RowChange {
  /// Whether `measure` must see all rows before the first is changed.
  var isMeasured: Bool { get }

  /// Examines rows before they are changed.
  ///
  /// - Parameters:
  ///   - rows: whole rows.
  ///   - first: the number of the first one in the region.
  mutating func measure(_ rows: RawSpan, at first: Int)

  /// Changes rows.
  ///
  /// - Parameters:
  ///   - rows: whole rows, which become the results.
  ///   - first: the number of the first one in the region.
  /// - Returns: what rounding left of the changes; nil for rows that are replaced.
  mutating func apply(to rows: inout MutableRawSpan, at first: Int) -> UpdateSums?
}

extension RowChange {
  var isMeasured: Bool { false }
  mutating func measure(_ rows: RawSpan, at first: Int) {}
}

extension MergedChange {
  /// The change with its factors in memory.
  ///
  /// - Parameters:
  ///   - dtype: the dtype of the tensor.
  ///   - rowCount: the number of rows of the region.
  ///   - width: the number of columns.
  /// - Throws: what reading the factors throws.
  /// - Complexity: O(elements of the factors).
  func prepared(
    dtype: DType, rowCount: Int, width: Int
  ) throws(CheckpointError) -> any RowChange {
    switch kind {
    case .product(let product):
      return try ProductChange(
        product, RowUpdate(format: Self.format(dtype), width: width), rowCount: rowCount,
        rounding: rounding)
    case .other(let read):
      return try EvaluatedChange(
        try read(), RowUpdate(format: Self.format(dtype), width: width), rowCount: rowCount,
        rounding: rounding)
    case .replacement(let view):
      return ReplacedRows(
        bytes: try view.reshaped([rowCount, width]).bytes(as: dtype), indices: nil,
        rowByteCount: width * dtype.bitCount / 8)
    case .rows(let indices, let view):
      return ReplacedRows(
        bytes: try view.bytes(as: dtype), indices: indices,
        rowByteCount: width * dtype.bitCount / 8)
    }
  }

  /// The format of a dtype that is computed in.
  ///
  /// - Throws: `unsupported` for another dtype.
  static func format(_ dtype: DType) throws(CheckpointError) -> FloatFormat {
    guard let format = FloatFormat(dtype) else {
      throw CheckpointError(
        .unsupported, "is \(dtype), and a change is added to F64, F32, BF16 and F16 only")
    }
    return format
  }
}

extension FloatFormat {
  /// Numbers as elements of the format.
  func bytes(_ values: [Double]) -> [UInt8] {
    // SAFETY: a number has no padding.
    unsafe convertElements(values.span.bytes, from: .float64, to: self)
  }
}

extension FactorView {
  /// The elements in row-major order, times a factor and cast to a dtype.
  ///
  /// - Throws: `unsupported` for a cast that does not exist, and what reading throws.
  /// - Complexity: O(elements).
  func bytes(as dtype: DType, factor: Double = 1) throws(CheckpointError) -> [UInt8] {
    try ComposedTensor(name.string, self, dtype: dtype, factor: factor).bytes(
      path: archive.path, format: archive.format)
  }
}

extension ComposedTensor {
  /// The data of the tensor.
  ///
  /// - Parameters:
  ///   - path: the path of the source, for errors.
  ///   - format: the format of the source.
  /// - Throws: what composing and reading it throws.
  func bytes(
    path: String, format: any CheckpointFormat
  ) throws(CheckpointError) -> [UInt8] {
    let archive = try ComposedArchive(path: path, format: format, tensors: [self])
    var bytes: [UInt8] = []
    bytes.reserveCapacity(archive.tensor(at: 0).byteCount)
    try archive.readTensor(at: 0) { piece throws(CheckpointError) in
      bytes.append(copying: piece)
    }
    return bytes
  }
}
