// SPDX-License-Identifier: Apache-2.0

/// A borrowed view of a tensor's data: dtype, shape and the bytes, row-major and little-endian.
///
/// The bytes belong to a mapping or a buffer and may have any alignment.
public struct TensorView: ~Escapable {
  /// The element type.
  public let dtype: DType
  /// The shape.
  public let shape: Shape
  /// The data: exactly `shape.byteCount(of: dtype)` bytes.
  public let bytes: RawSpan

  /// Views `bytes` as a tensor. Another count of bytes is a programming error and traps.
  @_lifetime(copy bytes)
  public init(dtype: DType, shape: Shape, bytes: RawSpan) {
    let expected = try? shape.byteCount(of: dtype)
    precondition(expected == bytes.byteCount, "a tensor's bytes must match its shape and dtype")
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// Rows along the outermost axis, not copied.
  ///
  /// - Throws: `invalidArgument` for a scalar, a range outside the axis, or rows of a sub-byte dtype
  ///   that do not start and end on whole bytes, or of a quantized one that are not whole blocks.
  /// - Complexity: O(rank).
  @_lifetime(copy self)
  public func rows(_ range: Range<Int>) throws(CheckpointError) -> TensorView {
    guard let count = shape.dimensions.first else {
      throw .invalidArgument("a scalar has no rows")
    }
    guard range.lowerBound >= 0, UInt(range.upperBound) <= count else {
      throw .invalidArgument("rows \(range) are outside 0..<\(count)")
    }
    let row = Shape(Array(shape.dimensions.dropFirst()))
    let rowBits: UInt
    if dtype.isQuantized {
      guard let byteCount = try? row.byteCount(of: dtype) else {
        throw .invalidArgument("rows of \(dtype) are whole blocks, and these are not")
      }
      rowBits = UInt(byteCount) &* 8
    } else {
      rowBits = (row.elementCount ?? 0) &* UInt(dtype.bitCount)
    }
    let start = UInt(range.lowerBound).multipliedReportingOverflow(by: rowBits)
    let end = UInt(range.upperBound).multipliedReportingOverflow(by: rowBits)
    // Overflow is only possible for an empty tensor with huge dimensions, whose rows are empty too.
    let startBits = start.overflow ? 0 : start.partialValue
    let endBits = end.overflow ? 0 : end.partialValue
    guard startBits.isMultiple(of: 8), endBits.isMultiple(of: 8) else {
      throw .invalidArgument("rows \(range) of \(dtype.name) do not start and end on whole bytes")
    }
    let part = bytes.extracting(Int(startBits / 8)..<Int(endBits / 8))
    return TensorView(
      dtype: dtype, shape: Shape([UInt(range.count)] + row.dimensions), bytes: part)
  }
}
